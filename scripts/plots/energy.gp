# Modelled energy in parts, two views side by side, as shares of FP32's.
set yrange [ROWS + 0.5:0.5]
set y2range [ROWS + 0.5:0.5]
set grid x noy
unset key
set border 1
set ytics noenhanced scale 0
set y2tics noenhanced scale 0
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
    set title 'arithmetic and data movement, % of FP32' noenhanced offset 0, -0.6
    plot $pieces using (column('view') == 0 ? column('from') : NaN):(column('row')):(column('from')):(column('to')):(column('row') - 0.36):(column('row') + 0.36):(PART[int(column('part')) + 1]) with boxxyerror lc rgb variable, \
        $rows using (0):(column('row')):ytic(strcol('name')):y2tic(strcol('text')) with points ps 0

    unset label
    set lmargin at screen X2 / W
    set rmargin at screen (X2 + WIDE) / W
    set xrange [0:MAX2]
    set title 'with instructions (CPU view), % of FP32' noenhanced offset 0, -0.6
    plot $pieces using (column('view') == 1 ? column('from') : NaN):(column('row')):(column('from')):(column('to')):(column('row') - 0.36):(column('row') + 0.36):(PART[int(column('part')) + 1]) with boxxyerror lc rgb variable, \
        $rows using (0):(column('row')):ytic(''):y2tic(strcol('cpu_text')) with points ps 0

    unset multiplot
    unset output
}
