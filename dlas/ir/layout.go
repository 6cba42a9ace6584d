package ir

// Layout is how a value lies in memory.
//
// Block 0 is plain: row-major in the order of its axes, without a border. Block 16 (of values N x C x H x W alone) is
// N, ceil(C/16), Top+H+Bottom, Left+W+Right, 16: the channels in blocks of 16 lanes, whatever the type of the element.
// The border physically holds zeros (the zero point of a quantised value), so that a consumer's window needs no edge
// cases. Lanes of the last block past C hold finite numbers that mean nothing.
//
// A kernel writes the interior of its outputs, all 16 lanes of every block, and no border: the borders are filled before
// it runs. It may read the border of its inputs, which is at least as wide as it asked for.
type Layout struct {
	Block  int
	Border Border
	// Pitch is the blocks of channels from one image to the next of a blocked value that is a part of a larger one, as the
	// inputs of a concatenation are; 0: its own.
	Pitch int
}

// Border is the pixels around a map.
type Border struct{ Top, Left, Bottom, Right int }

// Lanes is the number of channels of a block.
const Lanes = 16

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

// Strides of a blocked value, in elements (16 a pixel): from one row of pixels to the next, from one block of channels
// to the next, from one image to the next. Origin is the place of the first pixel inside the border.
type Strides struct{ Row, Block, Image, Origin int }

// StridesOf are the strides of a blocked value of shape N x C x H x W.
func (l Layout) StridesOf(s Shape) Strides {
	row := (l.Border.Left + s[3] + l.Border.Right) * Lanes
	block := (l.Border.Top + s[2] + l.Border.Bottom) * row
	return Strides{Row: row, Block: block, Image: block * max(l.Pitch, Blocks(s)), Origin: l.Border.Top*row + l.Border.Left*Lanes}
}

// Elems is the number of elements from a value's first to its last, border and unused lanes included.
func (l Layout) Elems(s Shape) int {
	if l.Block == 0 {
		return s.Elems()
	}
	st := l.StridesOf(s)
	return (s[0]-1)*st.Image + Blocks(s)*st.Block
}
