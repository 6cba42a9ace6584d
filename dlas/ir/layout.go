package ir

// Layout is how a value lies in memory.
//
// Block 0 is plain: row-major in the order of its axes, without a border. Block 16 (of values N x C x H x W alone) is
// N, ceil(C/16), Top+H+Bottom, Left+W+Right, 16: the channels in blocks of 16 lanes, whatever the type of the element.
// The border physically holds zeros (the zero point of a quantised value), so that a consumer's window needs no edge
// cases. Lanes of the last block past C hold finite numbers that mean nothing.
//
// Block Strips (of the same values, f32) has pixels in its lanes: Grid cuts the map into 16 strips, lane l is strip l, and
// the value is N, C, Top+Grid.H+Bottom, Left+Grid.W+Right, 16. All lanes of a vector are at the same place of their strips,
// so that what a window reads for neighbouring pixels are whole vectors however it is shifted.
//
// A kernel writes the interior of its outputs, all 16 lanes of every block, and no border: the borders are filled before
// it runs. It may read the border of its inputs, which is at least as wide as it asked for. Strips are the exception: the
// border of a strip holds its neighbours' pixels, so who makes a value in strips fills all borders, with zeros outside the
// map, and has zeros in the places of strips that reach over the map's edge.
type Layout struct {
	Block  int
	Border Border
	// Pitch is the blocks of channels from one image to the next of a blocked value that is a part of a larger one, as the
	// inputs of a concatenation are; 0: its own.
	Pitch int
	Grid  Grid // of strips
}

// Border is the pixels around a map, or around each strip of it.
type Border struct{ Top, Left, Bottom, Right int }

// Grid cuts a map into Rows x Cols = 16 strips of H x W pixels, in the order of lanes row by row. Strips at the bottom and
// to the right may reach over the map's edge, or lie outside.
type Grid struct{ Rows, Cols, H, W int }

// Lanes is the number of channels of a block, and of strips of a map.
const Lanes = 16

// way is the elements of a way of a usual first-level cache: 64 lines.
const way = 64 * Lanes

// Strips is the Block of values whose lanes are strips of the map.
const Strips = 1

// Plain is row-major without a border; Blocked is in blocks of 16 channels.
var (
	Plain   = Layout{}
	Blocked = Layout{Block: Lanes}
)

// Union is the least border that is at least as wide as both.
func (b Border) Union(o Border) Border {
	return Border{max(b.Top, o.Top), max(b.Left, o.Left), max(b.Bottom, o.Bottom), max(b.Right, o.Right)}
}

// Blocks is the number of blocks of 16 channels of a blocked value of that shape.
func Blocks(s Shape) int { return (s[1] + Lanes - 1) / Lanes }

// Planes is the number of planes of an image: blocks of channels, or channels where the lanes are strips.
func (l Layout) Planes(s Shape) int {
	if l.Block == Strips {
		return s[1]
	}
	return Blocks(s)
}

// Kin tells whether two layouts differ by their borders at most.
func (l Layout) Kin(o Layout) bool { return l.Block == o.Block && l.Grid == o.Grid }

// Strides of a blocked value, in elements (16 a pixel): from one row of pixels to the next, from one block of channels
// (one channel of strips) to the next, from one image to the next. Origin is the place of the first pixel inside the
// border.
type Strides struct{ Row, Block, Image, Origin int }

// StridesOf are the strides of a blocked value of shape N x C x H x W.
func (l Layout) StridesOf(s Shape) Strides {
	h, w := s[2], s[3]
	if l.Block == Strips {
		h, w = l.Grid.H, l.Grid.W
	}
	row := (l.Border.Left + w + l.Border.Right) * Lanes
	block := (l.Border.Top + h + l.Border.Bottom) * row
	if l.Block == Strips && block > way && block%(way/4) == 0 {
		// The same place of all channels would fall into the same few lines of the first-level cache.
		block += way / 8
	}
	return Strides{Row: row, Block: block, Image: block * max(l.Pitch, l.Planes(s)), Origin: l.Border.Top*row + l.Border.Left*Lanes}
}

// Elems is the number of elements from a value's first to its last, border and unused lanes included.
func (l Layout) Elems(s Shape) int {
	if l.Block == 0 {
		return s.Elems()
	}
	st := l.StridesOf(s)
	return (s[0]-1)*st.Image + l.Planes(s)*st.Block
}
