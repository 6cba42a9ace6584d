package packed

import (
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/godlas/godlas/dlas/ir"
)

// Encoding says in what form the elements of a tensor lie in a file. The zero value: as they are in memory.
//
// What a tensor is made of is told apart by its bits, so that every form gives back the same bits: a zero is an element
// without a bit set, and -0 is a number like others.
type Encoding struct {
	// Rows is 0 where all elements are stored. Else the tensor is taken as a matrix with a row for each index of its first
	// axis, in groups of that many rows (the last may have fewer), and a column of a group that has nothing but zeros is
	// left out. With 1 row that is each zero.
	Rows int `json:"rows,omitempty"`
	// Skip is the number of bits of a code; Codes is how many there are. A code of all ones leaves out that many columns,
	// another one as many as its value, after which one follows that is stored. After the last one all are left out.
	Skip  int `json:"skip,omitempty"`
	Codes int `json:"codes,omitempty"`
	// Stored is the number of elements in the columns that are stored.
	Stored int `json:"stored,omitempty"`
	// Half is F16 or BF16 where the elements are F32 and each is exactly such a number.
	Half ir.Type `json:"half,omitempty"`
	// Palette is the number of different elements that are stored, where each is written as its place among them.
	Palette int `json:"palette,omitempty"`
	// Vector: the palette is one of runs of that many elements, as product quantisation makes them. Nothing is left out then.
	Vector int `json:"vector,omitempty"`
}

// The most entries of a palette, and the most bits of a code.
const (
	maxPalette = 1 << 16
	maxSkip    = 8
	maxVector  = 1 << 10
)

// String names the form: f32, f16, sparse f32, 16x1 palette(5). typ is the type of the elements.
func (e Encoding) text(typ ir.Type) string {
	values := string(typ)
	switch {
	case e.Palette > 0:
		values = fmt.Sprintf("palette(%d)", e.indexBits())
		if e.Vector > 1 {
			values = fmt.Sprintf("codebook(%d, %d)", e.indexBits(), e.Vector)
		}
	case e.Half != "":
		values = string(e.Half)
	}
	switch e.Rows {
	case 0:
		return values
	case 1:
		return "sparse " + values
	}
	return fmt.Sprintf("%dx1 %s", e.Rows, values)
}

// indexBits is the width of a place in the palette.
func (e Encoding) indexBits() int { return max(1, bits.Len(uint(e.Palette-1))) }

// stored is the number of elements that are written, of a tensor of n.
func (e Encoding) stored(n int) int {
	if e.Rows == 0 {
		return n
	}
	return e.Stored
}

// sizes are the bytes of the palette, the elements and the codes of a tensor of n elements of that many bytes.
func (e Encoding) sizes(n, size int) (table, values, codes int64) {
	stored := int64(e.stored(n))
	if e.Half != "" {
		size = 2
	}
	values = stored * int64(size)
	if e.Palette > 0 {
		run := int64(max(1, e.Vector))
		table, values = int64(e.Palette)*run*int64(size), (stored/run*int64(e.indexBits())+7)/8
	}
	return table, values, (int64(e.Codes)*int64(e.Skip) + 7) / 8
}

func (e Encoding) bytes(n, size int) int64 {
	table, values, codes := e.sizes(n, size)
	return table + values + codes
}

// check holds an encoding that a file states to what there can be of a tensor with n elements, rows of them.
func (e Encoding) check(typ ir.Type, n, rows int) error {
	switch {
	case e.Half != "" && (e.Half != ir.F16 && e.Half != ir.BF16 || typ != ir.F32):
		return fmt.Errorf("half %q of elements of type %s", e.Half, typ)
	case e.Palette < 0 || e.Palette > maxPalette || e.Palette > e.stored(n):
		return fmt.Errorf("a palette of %d for %d elements", e.Palette, e.stored(n))
	case e.Vector != 0 && (e.Vector < 2 || e.Vector > maxVector || e.Rows != 0 || e.Palette == 0 || n%e.Vector != 0):
		return fmt.Errorf("a palette of runs of %d for %d elements", e.Vector, n)
	case e.Rows == 0 && (e.Skip != 0 || e.Codes != 0 || e.Stored != 0):
		return fmt.Errorf("codes of what is left out, and nothing is")
	case e.Rows != 0 && (e.Rows < 0 || e.Rows > 1<<10 || e.Skip < 1 || e.Skip > maxSkip || rows < 1):
		return fmt.Errorf("%d rows and codes of %d bits", e.Rows, e.Skip)
	case e.Stored < 0 || e.Stored > n || e.Codes < 0 || e.Codes > n:
		return fmt.Errorf("%d elements and %d codes of %d", e.Stored, e.Codes, n)
	}
	return nil
}

// word is an element's bits.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

// least is the size of a tensor for which another form than its own is looked for.
const least = 64

// choose finds the form with the fewest bytes; of two with as many the simpler one. Vectors are stored as they are:
// biases and statistics are small, and what holds for one by chance, as that all are zero at first, is no compression.
func choose[T word](data []T, shape ir.Shape, typ ir.Type) Encoding {
	n := len(data)
	if n < least || len(shape) < 2 {
		return Encoding{}
	}
	s := survey(data, typ)
	best, size := Encoding{}, typ.Size()
	fewest := best.bytes(n, size)
	try := func(e Encoding) {
		kinds := []Encoding{e}
		if p := e; s.different >= 0 && e.Palette == 0 {
			p.Palette = s.different
			if stored := e.stored(n); stored > n-s.zeros {
				p.Palette++ // zero is one of them
			}
			if p.Palette > 0 && p.Palette <= maxPalette && p.indexBits() < 8*size {
				kinds = append(kinds, p)
			}
		}
		for _, k := range kinds {
			for _, half := range append([]ir.Type{""}, s.halves...) {
				if k.Half = half; k.bytes(n, size) < fewest {
					best, fewest = k, k.bytes(n, size)
				}
			}
		}
	}
	try(best)
	if s.different >= 0 {
		for _, d := range runs {
			if cols := n / max(1, shape[0]); cols%d == 0 {
				if k := differentRuns(data, d); k > 0 {
					try(Encoding{Palette: k, Vector: d})
				}
			}
		}
	}
	if s.zeros <= n/64 { // a bit an element takes more
		return best
	}
	try(coded(1, n-s.zeros, gapsOf(data)))
	if rows := shape[0]; rows >= 4 && n%rows == 0 && together(data, rows, n/rows, s.zeros) {
		cols := n / rows
		filled := columns(data, rows, cols)
		for r := 4; r <= 32 && r <= rows; r *= 2 {
			g, stored := gaps{}, 0
			for i := range len(filled) / cols {
				kept := g.add(filled[i*cols : (i+1)*cols])
				stored += kept * min(r, rows-i*r)
			}
			try(coded(r, stored, &g))
			filled = coarser(filled, cols)
		}
	}
	return best
}

// runs are the lengths of runs of which codebooks are looked for: kernels of 3x3 and two of them, and channels.
var runs = []int{18, 16, 9, 8, 4}

// differentRuns is how many runs of d elements differ, or 0 where there are too many for a palette that gains anything.
func differentRuns[T word](data []T, d int) int {
	set := newRunSet[T](d)
	for at := 0; at+d <= len(data); at += d {
		if _, ok := set.place(data[at : at+d]); !ok || tooMany(set.len(), at/d) {
			return 0
		}
	}
	if 2*set.len() > len(data)/d {
		return 0
	}
	return set.len()
}

// found is what a pass over the elements tells.
type found struct {
	zeros     int
	different int       // elements other than zero that differ; -1: too many for a palette
	halves    []ir.Type // those that every element is exactly
}

func survey[T word](data []T, typ ir.Type) found {
	const piece = 1 << 12
	var s found
	half, brain := typ == ir.F32, typ == ir.F32
	set, seen := newSet[T](), 0
	for begin := 0; begin < len(data); begin += piece {
		part := data[begin:min(begin+piece, len(data))]
		if !half && !brain && set == nil { // as soon as that is known, as it is of most weights
			for _, v := range part {
				if v == 0 {
					s.zeros++
				}
			}
			continue
		}
		for _, v := range part {
			if v == 0 {
				s.zeros++
				continue
			}
			if half {
				_, half = narrow(uint32(v))
			}
			brain = brain && uint16(v) == 0
			if set != nil {
				if _, ok := set.place(v); !ok {
					set = nil
				}
				seen++
			}
		}
		if set != nil && tooMany(len(set.words), seen) {
			set = nil
		}
	}
	if half {
		s.halves = append(s.halves, ir.F16)
	}
	if brain {
		s.halves = append(s.halves, ir.BF16)
	}
	s.different = -1
	if set != nil {
		s.different = len(set.words)
	}
	return s
}

// tooMany: where nearly all of the first thousands differ, a palette of all would be larger than what it saves.
func tooMany(different, seen int) bool { return seen >= 1<<13 && different > seen-seen/40 }

// narrow returns the bits of the float16 that a float32 of these bits exactly is; false where it is none, or no number.
func narrow(b uint32) (uint16, bool) {
	sign, exp, frac := uint16(b>>16&0x8000), int(b>>23&0xff)-127, b&(1<<23-1)
	switch {
	case b<<1 == 0:
		return sign, true
	case exp > 15:
		return 0, false // infinities too: they are no weights
	case exp >= -14:
		return sign | uint16(exp+15)<<10 | uint16(frac>>13), frac&(1<<13-1) == 0
	case exp < -24:
		return 0, false
	}
	shift := uint(-1 - exp) // a subnormal one is a multiple of 2^-24
	frac |= 1 << 23
	return sign | uint16(frac>>shift), frac&(1<<shift-1) == 0
}

// widen is the inverse of narrow.
func widen(h uint16) uint32 {
	sign, exp, frac := uint32(h&0x8000)<<16, uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0:
		return sign | math.Float32bits(float32(frac)*0x1p-24)
	case 31:
		return sign | 0x7f800000 | frac<<13
	}
	return sign | (exp+112)<<23 | frac<<13
}

// gaps counts runs of columns that are left out, by their length, before each that is not.
type gaps struct {
	short [256]int
	long  []int
	kept  int
	run   int // so far
}

func (g *gaps) stored() {
	if g.run < len(g.short) {
		g.short[g.run]++
	} else {
		g.long = append(g.long, g.run)
	}
	g.kept++
	g.run = 0
}

// add goes on with columns that are filled or not, and returns how many are.
func (g *gaps) add(filled []bool) int {
	before := g.kept
	for _, f := range filled {
		if f {
			g.stored()
		} else {
			g.run++
		}
	}
	return g.kept - before
}

// codes is how many of that many bits it takes.
func (g *gaps) codes(width int) int {
	most := 1<<width - 1
	n := g.kept
	for run, times := range g.short {
		n += times * (run / most)
	}
	for _, run := range g.long {
		n += run / most
	}
	return n
}

func gapsOf[T word](data []T) *gaps {
	var g gaps
	for _, v := range data {
		if v == 0 {
			g.run++
		} else {
			g.stored()
		}
	}
	return &g
}

// coded is the encoding with codes of the width that takes the fewest bytes.
func coded(rows, stored int, g *gaps) Encoding {
	best := Encoding{}
	for width := 1; width <= maxSkip; width++ {
		e := Encoding{Rows: rows, Skip: width, Codes: g.codes(width), Stored: stored}
		if best.Rows == 0 || e.Codes*e.Skip < best.Codes*best.Skip {
			best = e
		}
	}
	return best
}

// together reports whether zeros lie below each other more often than by chance, in some groups of four rows: where not,
// no columns of them can be left out.
func together[T word](data []T, rows, cols, zeros int) bool {
	groups := rows / 4
	step := max(1, groups/16)
	full, seen := 0, 0
	for g := 0; g < groups; g += step {
		a := data[4*g*cols:]
		for j := range cols {
			if a[j]|a[cols+j]|a[2*cols+j]|a[3*cols+j] == 0 {
				full++
			}
		}
		seen += cols
	}
	p := float64(zeros) / float64(len(data))
	return float64(seen-full) < 0.95*float64(seen)*(1-p*p*p*p)
}

// columns tells for each column of each group of four rows whether it has anything but zeros.
func columns[T word](data []T, rows, cols int) []bool {
	filled := make([]bool, (rows+3)/4*cols)
	for i := range rows {
		to := filled[i/4*cols:][:cols]
		for j, v := range data[i*cols:][:cols] {
			if v != 0 {
				to[j] = true
			}
		}
	}
	return filled
}

// coarser joins groups two by two, in place.
func coarser(filled []bool, cols int) []bool {
	groups := len(filled) / cols
	for g := 0; g < groups; g += 2 {
		to := filled[g/2*cols:][:cols]
		copy(to, filled[g*cols:][:cols])
		if g+1 < groups {
			for j, f := range filled[(g+1)*cols:][:cols] {
				to[j] = to[j] || f
			}
		}
	}
	return filled[:(groups+1)/2*cols]
}

// set numbers different elements in the order in which they come.
type set[T word] struct {
	words []T
	slots []uint32 // place+1 of the element that hashes there, or 0
	shift uint
}

func newSet[T word]() *set[T] { return &set[T]{slots: make([]uint32, 1<<10), shift: 64 - 10} }

// place is the number of an element; false where it would be one more than a palette has.
func (s *set[T]) place(v T) (int, bool) {
	mask := uint64(len(s.slots) - 1)
	for at := uint64(v) * 0x9e3779b97f4a7c15 >> s.shift; ; at = (at + 1) & mask {
		k := s.slots[at]
		switch {
		case k == 0:
			if len(s.words) == maxPalette {
				return 0, false
			}
			s.words = append(s.words, v)
			s.slots[at] = uint32(len(s.words))
			if 2*len(s.words) > len(s.slots) {
				s.grow()
			}
			return len(s.words) - 1, true
		case s.words[k-1] == v:
			return int(k - 1), true
		}
	}
}

func (s *set[T]) grow() {
	s.slots = make([]uint32, 4*len(s.slots))
	s.shift -= 2
	mask := uint64(len(s.slots) - 1)
	for i, v := range s.words {
		at := uint64(v) * 0x9e3779b97f4a7c15 >> s.shift
		for s.slots[at] != 0 {
			at = (at + 1) & mask
		}
		s.slots[at] = uint32(i + 1)
	}
}

// runSet numbers different runs of d elements in the order in which they come.
type runSet[T word] struct {
	d     int
	words []T
	slots []uint32
}

func newRunSet[T word](d int) *runSet[T] { return &runSet[T]{d: d, slots: make([]uint32, 1<<10)} }

func (s *runSet[T]) len() int { return len(s.words) / s.d }

// slot is where a run is, or would be.
func (s *runSet[T]) slot(run []T) *uint32 {
	h := uint64(0)
	for _, v := range run {
		h = (h ^ uint64(v)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	for mask := uint64(len(s.slots) - 1); ; h++ {
		k := &s.slots[h&mask]
		if *k == 0 || slices.Equal(s.words[int(*k-1)*s.d:][:s.d], run) {
			return k
		}
	}
}

func (s *runSet[T]) place(run []T) (int, bool) {
	k := s.slot(run)
	if *k == 0 {
		if s.len() == maxPalette {
			return 0, false
		}
		s.words = append(s.words, run...)
		*k = uint32(s.len())
		if at := s.len() - 1; 2*s.len() > len(s.slots) {
			s.slots = make([]uint32, 4*len(s.slots))
			for i := range s.len() {
				*s.slot(s.words[i*s.d:][:s.d]) = uint32(i + 1)
			}
			return at, true
		}
	}
	return int(*k - 1), true
}
