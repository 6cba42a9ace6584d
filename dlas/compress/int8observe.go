package compress

import (
	"context"
	"fmt"
	"math"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
)

// observation is what calibration has seen of a network's values, by name.
type observation struct {
	values map[string]*histogram
	means  map[string][]float64 // of each channel, of what convolutions and linear layers read
}

// bins is the number of bins of a histogram, over -reach to reach.
const bins = 1 << 14

// histogram counts what a value held. Zeros, which every quantisation represents, are counted apart.
type histogram struct {
	lo, hi float32
	reach  float64 // a power of two
	count  []int64
	zeros  int64
	sums   []float64 // by channel
	each   int64     // elements of a channel
}

// add counts numbers. What lies beyond the reach makes it twice as far, and each two bins one.
func (h *histogram) add(ctx context.Context, x []float32) error {
	for ; len(x) > part; x = x[part:] {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := h.addPart(x[:part]); err != nil {
			return err
		}
	}
	return h.addPart(x)
}

func (h *histogram) addPart(x []float32) error {
	lo, hi := h.lo, h.hi
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	if math.IsInf(float64(lo), 0) || math.IsInf(float64(hi), 0) || lo != lo || hi != hi {
		return fmt.Errorf("holds numbers that are not finite")
	}
	h.lo, h.hi = lo, hi
	most := max(float64(hi), -float64(lo))
	if h.count == nil {
		h.count, h.reach = make([]int64, bins), math.Ldexp(1, -20)
	}
	for most >= h.reach {
		h.reach *= 2
		for i := bins / 2; i < bins; i++ { // outward from the middle; then the lower half likewise
			h.fold(i)
		}
		for i := bins/2 - 1; i >= 0; i-- {
			h.fold(i)
		}
	}
	scale := bins / 2 / h.reach
	for _, v := range x {
		if v == 0 {
			h.zeros++
			continue
		}
		h.count[int((float64(v)+h.reach)*scale)]++
	}
	return nil
}

// fold makes bin i the sum of the two that it takes the place of when the reach doubles.
func (h *histogram) fold(i int) {
	// Bin i now covers what bins 2i-bins/2 and the next did.
	a := 2*i - bins/2
	sum := int64(0)
	for _, b := range []int{a, a + 1} {
		if b >= 0 && b < bins {
			sum += h.count[b]
		}
	}
	h.count[i] = sum
}

// middle is the middle of a bin.
func (h *histogram) middle(i int) float64 { return (float64(i)+0.5)*(2*h.reach/bins) - h.reach }

// observe runs a network on images and counts what its values hold.
func observe(ctx context.Context, g *ir.Graph, t Tools, n int) (*observation, error) {
	o := &observation{values: map[string]*histogram{}, means: map[string][]float64{}}
	read := map[string]bool{} // by convolutions and linear layers
	for _, node := range g.Nodes {
		if hasWeights(node) {
			read[node.In[0]] = true
		}
	}
	var bad error
	look := func(name string, x *ir.Tensor) {
		if x == nil || x.Type != ir.F32 || bad != nil {
			return
		}
		h := o.values[name]
		if h == nil {
			h = &histogram{}
			o.values[name] = h
		}
		if err := h.add(ctx, x.F32()); err != nil {
			bad = &ir.Error{Layer: ir.Compress, What: fmt.Sprintf("int8: the value %q", name), Err: err}
			return
		}
		if read[name] && len(x.Shape) >= 2 {
			h.addMeans(x)
		}
	}
	input := g.Input()
	err := eachBatch(ctx, t, g, n, func(batch *ir.Tensor) error {
		look(input.Name, batch)
		_, err := t.Runner.Run(ctx, g, batch, func(node *ir.Node, out *ir.Tensor) { look(node.Out[0], out) })
		if err == nil {
			err = bad
		}
		return err
	})
	for name, h := range o.values {
		if h.each > 0 {
			m := make([]float64, len(h.sums))
			for c, s := range h.sums {
				m[c] = s / float64(h.each)
			}
			o.means[name] = m
		}
	}
	return o, err
}

func (h *histogram) addMeans(x *ir.Tensor) {
	channels, plane := x.Shape[1], x.Shape[2:].Elems()
	if h.sums == nil {
		h.sums = make([]float64, channels)
	}
	if len(h.sums) != channels {
		return
	}
	data := x.F32()
	for i := range x.Shape[0] * channels {
		sum := 0.0
		for _, v := range data[i*plane : (i+1)*plane] {
			sum += float64(v)
		}
		h.sums[i%channels] += sum
	}
	h.each += int64(x.Shape[0] * plane)
}

// calibrationBatch is how many images run together: all values of a run are kept for as long as it takes, and there are
// networks that only take one.
func calibrationBatch(g *ir.Graph) int {
	size := max(1, min(32, (1<<18)/max(1, g.Input().Shape.Elems())))
	if _, err := op.Infer(g, size); err != nil {
		return 1
	}
	return size
}

// eachBatch calls f for the first n images of val, some together.
func eachBatch(ctx context.Context, t Tools, g *ir.Graph, n int, f func(batch *ir.Tensor) error) error {
	image, size := g.Input().Shape, calibrationBatch(g)
	elems := image.Elems()
	for first := 0; first < n; first += size {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		many := min(size, n-first)
		shape := append(ir.Shape{many * image[0]}, image[1:]...)
		batch := ir.NewF32(make([]float32, many*elems), shape...)
		for i := range many {
			if _, err := t.Val.Read(first+i, batch.F32()[i*elems:(i+1)*elems]); err != nil {
				return err
			}
		}
		if err := f(batch); err != nil {
			return err
		}
	}
	return nil
}
