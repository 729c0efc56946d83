# The shared look. Colours are Okabe and Ito's (gnuplot's podo), told apart by colour-blind eyes; families also differ by shape.
set encoding utf8
set datafile separator ','
set datafile missing 'NaN'
set datafile columnheaders
SVG = sprintf("set terminal svg size %d,%d dynamic font 'sans-serif,12' background rgb 'white' name '%s'; set output '%s.svg'", W, H, ID, NAME)
PNG = (strstrt(GPVAL_TERMINALS, 'pngcairo') ? 'set terminal pngcairo' : 'set terminal png') . sprintf(" size %d,%d font 'sans-serif,12' fontscale 0.75 background rgb 'white'; set output '%s.png'", W, H, NAME)
array COLOUR[6] = [0x000000, 0x0072b2, 0x009e73, 0xd55e00, 0xaa4499, 0x777777]
array FILLED[6] = [7, 5, 9, 13, 11, 7]
array OPEN[6] = [6, 4, 8, 12, 10, 6]
set border 3 lw 0.8 lc rgb '#444444'
set tics nomirror out scale 0.6 textcolor rgb '#222222'
set grid lw 0.6 lc rgb '#e4e4e4' lt 1
array PIECE[9] = [0x0072b2, 0xe69f00, 0x009e73, 0xcc79a7, 0x56b4e9, 0xd55e00, 0xf0e442, 0x8c6bb1, 0xbdbdbd]
# Parts of the energy proxy, from dark to light.
array PART[4] = [0x0072b2, 0x56b4e9, 0xe69f00, 0xc8c8c8]
# Verdicts of a comparison, told apart by shape in grey too: no-change, regressed, improved, inconclusive, not-comparable, incorrect, other.
array VCOLOUR[7] = [0x6e6e6e, 0xd55e00, 0x0072b2, 0xb8860b, 0x000000, 0x000000, 0x6e6e6e]
array VMARK[7] = [7, 9, 11, 6, 2, 2, 7]
# Texts and keys: place in pixels, font, colour, mark (0: none) and its colour. SHOW_TEXTS puts them up.
TEXTS = 0
array TEXT[80]
array TEXT_X[80]
array TEXT_Y[80]
array TEXT_FONT[80]
array TEXT_COLOUR[80]
array MARK[80]
array MARK_COLOUR[80]
PLAIN_TEXT = 'set label i TEXT[i] at screen TEXT_X[i] / W, screen TEXT_Y[i] / H left noenhanced font TEXT_FONT[i] textcolor rgb TEXT_COLOUR[i]'
MARKED_TEXT = PLAIN_TEXT . ' offset 0.9, -0.1 point pt MARK[i] ps 1.3 lc rgb MARK_COLOUR[i]'
