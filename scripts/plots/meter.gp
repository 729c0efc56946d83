# Modelled against measured energy. Names were placed beforehand, in pixels, on the second axes.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set logscale xy
set xrange [XMIN:XMAX]
set yrange [YMIN:YMAX]
set x2range [L:W - R]
set y2range [B:H - T]
set xlabel XLABEL noenhanced offset 0, 0.3 textcolor rgb '#222222'
set ylabel 'package energy per inference, µJ (measured)' noenhanced textcolor rgb '#222222'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $lines using 1:2:3:4 axes x2y2 with vectors nohead lw 0.7 lc rgb '#9a9a9a', \
        $points using (column('proxy')):(column('measured')):(1.2):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]) with points ps variable pt variable lc rgb variable, \
        $names using 1:2:3 axes x2y2 with labels left noenhanced font ',11' textcolor rgb '#222222'
    unset output
}
