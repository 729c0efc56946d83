# Change against certainty. Names were placed beforehand, in pixels, on the second axes.
unset key
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set xrange [XMIN:XMAX]
set yrange [YMIN:YMAX]
set x2range [L:W - R]
set y2range [B:H - T]
set xlabel 'log₂ of B / A: right is slower' noenhanced offset 0, 0.3 textcolor rgb '#222222'
set ylabel '−log₁₀ p' noenhanced textcolor rgb '#222222'
LOG2(x) = log(x) / log(2)
set object 1 rectangle from LOG2(1 / GATE), graph 0 to LOG2(GATE), graph 1 back fillstyle solid noborder fillcolor rgb '#f0f0f0'
set arrow 1 from LOG2(GATE), graph 0 to LOG2(GATE), graph 1 nohead back lw 1.2 dt 2 lc rgb '#777777'
set arrow 2 from LOG2(1 / GATE), graph 0 to LOG2(1 / GATE), graph 1 nohead back lw 1.2 dt 2 lc rgb '#777777'
if (ALPHA > 0) { set arrow 3 from 0, -log10(ALPHA) to XMAX, -log10(ALPHA) nohead back lw 1.2 dt 2 lc rgb '#777777' }
if (ALPHA > 0) { set label 999 sprintf('p = %.2g', ALPHA) at XMAX, -log10(ALPHA) right offset -0.5, 0.6 noenhanced font ',10' textcolor rgb '#555555' }
set arrow 4 from XMIN, -log10(0.05) to 0, -log10(0.05) nohead back lw 1.2 dt 2 lc rgb '#777777'
set label 998 'q = 5 %' at XMIN, -log10(0.05) left offset 0.5, 0.6 noenhanced font ',10' textcolor rgb '#555555'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $lines using 1:2:3:4 axes x2y2 with vectors nohead lw 0.7 lc rgb '#9a9a9a', \
        $points using (LOG2(column('ratio'))):(-log10(column('p'))):(column('verdict') > 0 ? 1.2 : 0.7):(VMARK[int(column('verdict')) + 1]):(VCOLOUR[int(column('verdict')) + 1]) with points ps variable pt variable lc rgb variable lw 1.5, \
        $names using 1:2:3 axes x2y2 with labels left noenhanced font ',11' textcolor rgb '#222222'
    unset output
}
