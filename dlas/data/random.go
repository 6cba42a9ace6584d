package data

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/godlas/godlas/dlas/ir"
)

func randomSet() set {
	return set{
		option: ir.Option{
			Name: "random",
			Help: "Uniform random pixels of a shape NxCxHxW, the same for the same seed. It has no labels, so a run has a latency and no accuracy.",
			Params: []ir.Param{
				{Help: "images, channels, height and width, as in 1x3x32x32", Default: "1x3x32x32"},
				{Key: "batch", Help: "images that one run of the network takes", Default: "1"},
				{Key: "seed", Help: "of the generator (PCG)", Default: "1"},
			},
		},
		open: openRandom,
	}
}

// RandomShape is the shape in a choice of random images, with so many of them, or as many as there may be.
func RandomShape(c ir.Choice, images int) string {
	text := "1x3x32x32"
	if len(c.Value) == 1 {
		text = c.Value[0]
	}
	shape, err := parseShape(text)
	if err != nil {
		return text // Open says what is wrong with it
	}
	shape[0] = 1
	shape[0] = max(1, min(images, maxRandom/shape.Elems()))
	return shape.String()
}

// OtherSeed is a seed that makes other images than those of the choice.
func OtherSeed(c ir.Choice) string {
	seed, err := strconv.ParseUint(c.Arg("seed", "1"), 10, 63)
	if err != nil {
		return c.Arg("seed", "1")
	}
	return strconv.FormatUint(seed^1<<62, 10)
}

// maxRandom bounds the bytes of a random set.
const maxRandom = 1 << 28

func openRandom(c ir.Choice, _ Env) (*Set, error) {
	text := "1x3x32x32"
	if len(c.Value) == 1 {
		text = c.Value[0]
	}
	shape, err := parseShape(text)
	if err != nil {
		return nil, err
	}
	seed, err := strconv.ParseUint(c.Arg("seed", "1"), 10, 63)
	if err != nil {
		return nil, ir.Errorf(ir.Data, "seed=%s of random is not a number from 0", c.Arg("seed", "1"))
	}
	s := &Set{Name: "random", Shape: shape[1:], pix: make([]uint8, shape.Elems())}
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range s.pix {
		s.pix[i] = uint8(rng.Uint32())
	}
	return s.seal(), nil
}

// parseShape reads NxCxHxW and checks its size.
func parseShape(text string) (ir.Shape, error) {
	bad := &ir.Error{Layer: ir.Data, What: fmt.Sprintf("random(%s): the shape is images x channels x height x width, each from 1 to 65536", text), Try: "try random(1x3x32x32)"}
	parts := strings.Split(text, "x")
	if len(parts) != 4 {
		return nil, bad
	}
	shape, elems := make(ir.Shape, 4), 1
	for i, p := range parts {
		d, err := strconv.Atoi(p)
		if err != nil || d < 1 || d > 65536 {
			return nil, bad
		}
		shape[i] = d
		if elems *= d; elems > maxRandom {
			return nil, ir.Errorf(ir.Data, "random(%s) is more than %d MiB of pixels", text, maxRandom>>20)
		}
	}
	return shape, nil
}
