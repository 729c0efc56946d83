# Smallest detectable change against latency. Names were placed beforehand, in pixels, on the second axes.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set xrange [10 ** (XMIN - 3):10 ** (XMAX - 3)]
set yrange [100 * 10 ** YMIN:100 * 10 ** YMAX]
set logscale xy
set x2range [L:W - R]
set y2range [B:H - T]
set xlabel 'latency of A, µs' noenhanced offset 0, 0.3 textcolor rgb '#222222'
set ylabel 'smallest detectable change, %' noenhanced textcolor rgb '#222222'
if (TARGET > 0) { set arrow 1 from graph 0, first 100 * TARGET to graph 1, first 100 * TARGET nohead back lw 1.4 dt 2 lc rgb '#444444' }
if (TARGET > 0) { set label 999 sprintf('%.3g %%', 100 * TARGET) at graph 1, first 100 * TARGET right offset -0.5, 0.6 noenhanced font ',10' textcolor rgb '#444444' }

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $lines using 1:2:3:4 axes x2y2 with vectors nohead lw 0.7 lc rgb '#9a9a9a', \
        $points using (column('ns') / 1000):(100 * column('mde')):(1.1):(VMARK[int(column('verdict')) + 1]):(VCOLOUR[int(column('verdict')) + 1]) with points ps variable pt variable lc rgb variable lw 1.5, \
        $names using 1:2:3 axes x2y2 with labels left noenhanced font ',11' textcolor rgb '#222222'
    unset output
}
