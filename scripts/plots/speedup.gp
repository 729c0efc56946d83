
# Speed against FP32 SIMD at the same threads and batch, by recipe and kernel: colour by the logarithm, white at 1.
set lmargin at screen L / W
set rmargin at screen 1 - R / W
set bmargin at screen B / H
set tmargin at screen 1 - T / H
set yrange [ROWS + 0.5:0.5]
set xrange [0.5:COLUMNS + 0.5]
set cbrange [-SPAN:SPAN]
set palette defined (-1 '#b35806', -0.5 '#f1a340', 0 '#f7f7f7', 0.5 '#7fb7de', 1 '#08519c')
unset colorbox
unset key
unset grid
set border 0
set ytics noenhanced scale 0
set x2tics noenhanced scale 0
unset xtics

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    plot $cells using (column('ratio') == column('ratio') ? NaN : column('column')):(column('row')):(column('column') - 0.49):(column('column') + 0.49):(column('row') - 0.47):(column('row') + 0.47) with boxxyerror fs pattern 4 noborder lc rgb '#b8b8b8', \
        $cells using (column('ratio') == column('ratio') ? column('column') : NaN):(column('row')):(column('column') - 0.49):(column('column') + 0.49):(column('row') - 0.47):(column('row') + 0.47):(column('log2')) with boxxyerror fs solid noborder lc palette, \
        $cells using (column('column')):(column('row')):(column('dark') > 0 ? '' : strcol('text')) with labels noenhanced textcolor rgb '#000000', \
        $cells using (column('column')):(column('row')):(column('dark') > 0 ? strcol('text') : '') with labels noenhanced textcolor rgb '#ffffff', \
        $rows using (0.5):(column('row')):ytic(strcol('name')) with points ps 0, \
        $columns using (column('column')):(0.5):x2tic(strcol('name')) with points ps 0
    unset output
}
