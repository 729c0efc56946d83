
# Where the time goes: one bar per recipe, one piece per layer; left in time, right in shares.
set yrange [ROWS + 0.5:0.5]
set grid noy
unset key
set border 1
set ytics noenhanced scale 0
set y2tics noenhanced scale 0
set y2range [ROWS + 0.5:0.5]
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set style fill solid border rgb '#ffffff'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot

    set lmargin at screen X1 / W
    set rmargin at screen (X1 + WIDE) / W
    set xrange [0:MAX1]
    set title TITLE1 noenhanced offset 0, -0.5
    plot $pieces using (column('from')):(column('row')):(column('from')):(column('to')):(column('row') - 0.36):(column('row') + 0.36):(PIECE[int(column('colour')) + 1]) with boxxyerror lc rgb variable notitle, \
        $rows using (0):(column('row')):ytic(strcol('name')):y2tic(strcol('total_text')) with points ps 0 notitle

    unset label
    set lmargin at screen X2 / W
    set rmargin at screen (X2 + WIDE) / W
    set xrange [0:100]
    set format y ''
    set title 'share of the time, %' offset 0, -0.5
    plot $pieces using (column('share_from')):(column('row')):(column('share_from')):(column('share_to')):(column('row') - 0.36):(column('row') + 0.36):(PIECE[int(column('colour')) + 1]) with boxxyerror lc rgb variable notitle, \
        $rows using (0):(column('row')):ytic(''):y2tic('') with points ps 0 notitle, \
        $words using 1:2:(column(4) > 0 ? '' : strcol(3)) with labels center noenhanced font ',10' textcolor rgb '#000000' notitle, \
        $words using 1:2:(column(4) > 0 ? strcol(3) : '') with labels center noenhanced font ',10' textcolor rgb '#ffffff' notitle

    unset multiplot
    unset output
    set format
}
