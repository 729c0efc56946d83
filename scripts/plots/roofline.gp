# Roofline (Williams et al. 2009): speed over arithmetic intensity, under the machine's own measured limits.
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set logscale xy
set xrange [XMIN:XMAX]
set yrange [YMIN:YMAX]
set x2range [XMIN:XMAX]
set y2range [YMIN:YMAX]
set logscale x2y2
set xlabel 'multiply-accumulates per byte (input, weights and output once each)' noenhanced textcolor rgb '#222222'
set ylabel 'GMAC/s, one thread' textcolor rgb '#222222'
set format y '%g'
unset key

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $roofs using (column('x0')):(column('y0')):(column('dx')):(column('dy')) with vectors nohead lw 1.2 lc rgb '#9a9a9a' notitle, \
        $roofs using (column('xt')):(column('yt')):(column('right') > 0 ? '' : strcol('name')) with labels left noenhanced offset 0, 0.5 font ',10' textcolor rgb '#6a6a6a' notitle, \
        $roofs using (column('xt')):(column('yt')):(column('right') > 0 ? strcol('name') : '') with labels right noenhanced offset 0, 0.5 font ',10' textcolor rgb '#6a6a6a' notitle, \
        $stems using 1:2:(0):($3 - $2) with vectors nohead lw 0.5 lc rgb '#dcdcdc' notitle, \
        $points using (column('x')):(column('y')):(1.2):(FILLED[int(column('library')) + 1]):(PIECE[int(column('library')) + 1]) with points ps variable pt variable lc rgb variable notitle, \
        $names using 1:2:(column('under') > 0 ? '' : strcol('name')) with labels rotate by 90 left noenhanced offset 0, 0.6 font ',9' textcolor rgb '#444444' notitle, \
        $names using 1:2:(column('under') > 0 ? strcol('name') : '') with labels rotate by 90 right noenhanced offset 0, -0.6 font ',9' textcolor rgb '#444444' notitle
    unset output
}
