# One minus the distribution of the batches' times, both axes logarithmic.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set logscale xy
set xrange [XMIN:XMAX]
set yrange [100 * YMIN:130]
set format y '%g'
set xlabel 'time of one inference, µs' noenhanced offset 0, 0.3 textcolor rgb '#222222'
set ylabel 'batches that took longer, %' noenhanced textcolor rgb '#222222'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $a using (column('ns') / 1000):(100 * column('share')) with lines lw 1.2 lc rgb '#0072b2', \
        $b using (column('ns') / 1000):(100 * column('share')) with lines lw 1.6 dt 2 lc rgb '#d55e00', \
        $a using (column('contaminated') > 0 ? NaN : column('ns') / 1000):(100 * column('share')) with points pt 7 ps 0.35 lc rgb '#0072b2', \
        $b using (column('contaminated') > 0 ? NaN : column('ns') / 1000):(100 * column('share')) with points pt 9 ps 0.45 lc rgb '#d55e00', \
        $a using (column('contaminated') > 0 ? column('ns') / 1000 : NaN):(100 * column('share')) with points pt 2 ps 0.5 lc rgb '#00436b', \
        $b using (column('contaminated') > 0 ? column('ns') / 1000 : NaN):(100 * column('share')) with points pt 2 ps 0.5 lc rgb '#7a3500'
    unset output
}
