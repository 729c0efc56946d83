
# Four small pictures over the same rows: size, speed, energy proxy, accuracy, all relative to FP32.
set yrange [ROWS + 0.5:0.5]
set grid noy
set border 1
unset key
set ytics noenhanced scale 0
set y2tics noenhanced scale 0
set y2range [ROWS + 0.5:0.5]
set bmargin at screen B / H
set tmargin at screen 1 - T / H
BAND = '#ececec'

do for [FORM in 'SVG PNG'] {
    eval value(FORM)
    do for [i = 1:TEXTS] { if (MARK[i] > 0) { eval MARKED_TEXT } else { eval PLAIN_TEXT } }
    set multiplot

    set lmargin at screen X1 / W
    set rmargin at screen (X1 + WIDE) / W
    set logscale x
    set xtics noenhanced
    eval TICS1
    set xrange [MIN1:MAX1]
    set title 'File size, × smaller' offset 0, -0.5
    set arrow 1 from 1, graph 0 to 1, graph 1 nohead back lw 1 lc rgb '#777777'
    plot $rows using (column('size_lo')):(column('row')):(column('size_lo') / WIDEN):(column('size_hi') * WIDEN):(column('row') - 0.32):(column('row') + 0.32) with boxxyerror fs solid noborder lc rgb BAND, \
        $rows using (column('size')):(column('row')):(1.2):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]):ytic(strcol('name')):y2tic(strcol('size_text')) with points ps variable pt variable lc rgb variable

    unset label
    set lmargin at screen X2 / W
    set rmargin at screen (X2 + WIDE) / W
    set format y ''
    eval TICS2
    set xrange [MIN2:MAX2]
    set title 'Speed, × FP32 SIMD' offset 0, -0.5
    plot $rows using (column('speed_lo')):(column('row')):(column('speed_lo') / WIDEN):(column('speed_hi') * WIDEN):(column('row') - 0.32):(column('row') + 0.32) with boxxyerror fs solid noborder lc rgb BAND, \
        $rows using (column('speed')):(column('row')):(column('speed_from')):(column('speed_to')) with xerrorbars ps 0 lw 1.2 lc rgb '#666666', \
        $rows using (column('speed')):(column('row')):(1.2):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]):y2tic(strcol('speed_text')):ytic('') with points ps variable pt variable lc rgb variable

    set lmargin at screen X3 / W
    set rmargin at screen (X3 + WIDE) / W
    eval TICS3
    set xrange [MIN3:MAX3]
    set title ENERGY offset 0, -0.5
    plot $rows using (column('cpu')):(column('row')):(1.0):(OPEN[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]) with points ps variable pt variable lc rgb variable, \
        $rows using (column('energy')):(column('row')):(1.2):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]):y2tic(strcol('energy_text')):ytic('') with points ps variable pt variable lc rgb variable

    set lmargin at screen X4 / W
    set rmargin at screen (X4 + WIDE) / W
    unset logscale x
    eval TICS4
    set xrange [MIN4:MAX4]
    set title 'Accuracy against FP32, pp' offset 0, -0.5
    set arrow 1 from 0, graph 0 to 0, graph 1 nohead back lw 1 lc rgb '#777777'
    plot $rows using (0):(column('row')):(-column('loss')):(0):(column('row') - 0.32):(column('row') + 0.32) with boxxyerror fs solid noborder lc rgb BAND, \
        $rows using (column('delta')):(column('row')):(column('delta_from')):(column('delta_to')) with xerrorbars ps 0 lw 1.2 lc rgb '#666666', \
        $rows using (column('delta')):(column('row')):(1.2):(FILLED[int(column('family')) + 1]):(COLOUR[int(column('family')) + 1]):y2tic(strcol('delta_text')):ytic('') with points ps variable pt variable lc rgb variable

    unset multiplot
    unset output
    set format
    unset logscale
}
