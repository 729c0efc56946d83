# Rounds in the order in which they ran.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set logscale y
set xrange [0:ROUNDS + 1]
set yrange [YMIN:YMAX]
set grid nox y
set xlabel 'round' offset 0, 0.5 textcolor rgb '#222222'
set ylabel 'time of B / time of A' textcolor rgb '#222222'
set object 1 rectangle from graph 0, first 1 / GATE to graph 1, first GATE back fillstyle solid noborder fillcolor rgb '#efefef'
set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead back lw 1 lc rgb '#555555'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $borders using 1:(YMIN):(0):(YMAX - YMIN) with vectors nohead lw 0.5 lc rgb '#d0d0d0', \
        $borders using (column(2) > 0 ? column(1) : NaN):(YMIN):(0):(YMAX - YMIN) with vectors nohead lw 2 lc rgb '#777777', \
        $rounds using (column('round')):(column('dropped') > 0 ? column('shown') : NaN) with points pt 2 ps 0.6 lc rgb '#8a8a8a', \
        $rounds using (column('round')):(column('dropped') > 0 || column('b_first') > 0 ? NaN : column('shown')) with points pt 7 ps 0.45 lc rgb '#0072b2', \
        $rounds using (column('round')):(column('dropped') > 0 || column('b_first') < 1 ? NaN : column('shown')) with points pt 6 ps 0.5 lw 1.2 lc rgb '#d55e00', \
        $medians using 1:3:2:(0) with vectors nohead lw 2.2 lc rgb '#000000'
    unset output
}
