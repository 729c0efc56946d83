# Ratios with intervals over named rows; beside them, when there are too many to name, a strip of all of them.
unset key
set border 1
set logscale x
set xrange [XMIN:XMAX]
set tmargin at screen 1 - T / H
set bmargin at screen B / H
set object 1 rectangle from 1 / GATE, graph 0 to GATE, graph 1 back fillstyle solid noborder fillcolor rgb '#ededed'
set object 2 rectangle from 1 / FLOOR, graph 0 to FLOOR, graph 1 back fillstyle solid noborder fillcolor rgb '#d8d8d8'
set arrow 1 from 1, graph 0 to 1, graph 1 nohead back lw 1 lc rgb '#555555'
set xlabel 'time of B / time of A' offset 0, 0.5 textcolor rgb '#222222'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot

    set lmargin at screen L / W
    set rmargin at screen 1 - R / W
    set yrange [ROWS + 0.5:0.5]
    set y2range [ROWS + 0.5:0.5]
    set ytics noenhanced scale 0
    set y2tics noenhanced scale 0
    eval TICS
    set grid x noy
    plot $rows using (column('ratio')):(column('row')):(column('lo')):(column('hi')) with xerrorbars ps 0 lw 1.3 lc rgb '#7a7a7a' notitle, \
        $rows using (column('ratio')):(column('row')):(1.15):(VMARK[int(column('verdict')) + 1]):(VCOLOUR[int(column('verdict')) + 1]):ytic(strcol('name')):y2tic(strcol('text')) with points ps variable pt variable lc rgb variable lw 1.6 notitle

    if (SPLIT > 0) {
        unset label
        unset ytics
        unset y2tics
        set lmargin at screen STRIP_X / W
        set rmargin at screen (STRIP_X + STRIP) / W
        set yrange [ALL + 0.5:0.5]
        set grid nox noy
        eval STRIP_TICS
        plot $strip using (column('ratio')):(column('row')):(column('lo')):(column('hi')) with xerrorbars ps 0 lw 0.7 lc rgb '#a9a9a9' notitle, \
            $strip using (column('ratio')):(column('row')):(column('verdict') > 0 ? 0.8 : 0.35):(VMARK[int(column('verdict')) + 1]):(VCOLOUR[int(column('verdict')) + 1]) with points ps variable pt variable lc rgb variable notitle
    }
    unset multiplot
    unset output
    unset label
}
