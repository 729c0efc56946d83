# Pairs of processes as points with their density: equal builds above, A and B below, on one axis.
unset key
set border 1
set logscale x
set xrange [XMIN:XMAX]
set yrange [-0.7:1.1]
unset ytics
set grid x noy
set lmargin at screen L / W
set rmargin at screen 1 - R / W
GAP = 16.
TALL = (H - T - B - GAP) / 2
set object 1 rectangle from 1 / GATE, graph 0 to GATE, graph 1 back fillstyle solid noborder fillcolor rgb '#efefef'
set arrow 1 from 1, graph 0 to 1, graph 1 nohead back lw 1 lc rgb '#555555'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot
    set bmargin at screen (B + TALL + GAP) / H
    set tmargin at screen 1 - T / H
    unset xtics
    unset xlabel
    set label 998 'equal builds' at screen 14 / W, screen (B + TALL + GAP + TALL / 2) / H left noenhanced
    if (EQUAL == 0) { set label 999 'not measured' at graph 0.5, graph 0.5 center noenhanced textcolor rgb '#777777' }
    plot $equal_density using 1:(EQUAL ? column(2) : NaN) with filledcurves y1=0 fs solid 0.3 noborder lc rgb '#6e6e6e', \
        $equal using 1:2 with points pt 7 ps 0.8 lc rgb '#6e6e6e'
    unset label
    set bmargin at screen B / H
    set tmargin at screen (B + TALL) / H
    eval TICS
    set xtics nomirror
    set xlabel 'time of B / time of A: right is slower' offset 0, 0.5 textcolor rgb '#222222'
    set label 998 'A and B' at screen 14 / W, screen (B + TALL / 2) / H left noenhanced
    plot $own_density using 1:2 with filledcurves y1=0 fs solid 0.3 noborder lc rgb '#d55e00', \
        $own using 1:2:(column(3) > 1 ? 6 : 7) with points pt variable ps 0.8 lw 1.3 lc rgb '#d55e00'
    unset multiplot
    unset output
    unset label
}
