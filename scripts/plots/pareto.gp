
# Accuracy against a cost. Names were placed beforehand: they and their lines are in pixels, on the second axes.
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set logscale x
set xrange [XMIN:XMAX]
set yrange [YMIN:YMAX]
set x2range [L:W - R]
set y2range [B:H - T]
set xtics noenhanced
set format y '%.1f'
set ylabel 'top-1 accuracy, %' textcolor rgb '#222222'
set xlabel XLABEL noenhanced textcolor rgb '#222222'
unset key

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $points using (column('front') > 0 ? NaN : column('x')):(column('off') > 0 ? NaN : column('y')):(column('xlo')):(column('xhi')) with xerrorbars ps 0 lw 0.8 lc rgb '#dcdcdc' notitle, \
        $points using (column('front') > 0 ? NaN : column('x')):(column('off') > 0 ? NaN : column('y')):(column('ylo')):(column('yhi')) with yerrorbars ps 0 lw 0.8 lc rgb '#dcdcdc' notitle, \
        $points using (column('front') > 0 ? column('x') : NaN):(column('off') > 0 ? NaN : column('y')):(column('xlo')):(column('xhi')) with xerrorbars ps 0 lw 1.0 lc rgb '#b4b4b4' notitle, \
        $points using (column('front') > 0 ? column('x') : NaN):(column('off') > 0 ? NaN : column('y')):(column('ylo')):(column('yhi')) with yerrorbars ps 0 lw 1.0 lc rgb '#b4b4b4' notitle, \
        $front using 1:2 with steps lw 1.8 lc rgb '#555555' notitle, \
        $lines using 1:2:3:4 axes x2y2 with vectors nohead lw 0.7 lc rgb '#9a9a9a' notitle, \
        $points using (column('x')):(column('off') > 0 ? YMIN : column('y')):(0.95):(OPEN[int(column('family')) + 1]):(column('front') > 0 ? 0xffffff : COLOUR[int(column('family')) + 1]) with points ps variable pt variable lc rgb variable lw 1.2 notitle, \
        $points using (column('front') > 0 ? column('x') : NaN):(column('off') > 0 ? YMIN : column('y')):(1.35):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]) with points ps variable pt variable lc rgb variable notitle, \
        $names using 1:2:(column(4) > 0 ? '' : strcol(3)) axes x2y2 with labels left noenhanced textcolor rgb '#6a6a6a' notitle, \
        $names using 1:2:(column(4) > 0 ? strcol(3) : '') axes x2y2 with labels left noenhanced textcolor rgb '#000000' notitle
    unset output
}
