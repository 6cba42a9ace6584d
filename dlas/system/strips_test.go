package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/godlas/godlas/dlas/hardware"
	"github.com/godlas/godlas/dlas/internal/exactness"
	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/primitive"
)

// stripMoves are the conversions of a program into strips and out of them.
func stripMoves(p *Program) (list []string) {
	for _, n := range p.Nodes() {
		if n.Op == "Layout" && strings.Contains(n.Kernel, "strips") {
			list = append(list, n.Name)
		}
	}
	return list
}

// sets are those of these instruction sets that this build has on this machine.
func sets(names ...string) []string {
	return slices.DeleteFunc(names, func(isa string) bool { return !slices.Contains(hardware.Probe().ISAs, isa) })
}

// TestStripsStayInChains holds that sparse convolutions one after the other, with sums, concatenations and strides that
// strips go with between them, are brought into strips once and out of them once.
func TestStripsStayInChains(t *testing.T) {
	for name, c := range map[string]struct {
		size  int
		build func(b *builder)
		moves int
	}{
		"chain": {16, func(b *builder) {
			x := "x"
			for range 4 {
				x = b.node("Relu", nil, b.conv(x, 16, 16, 3, 1, 1))
			}
			b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)
		}, 2},
		"residual": {16, func(b *builder) {
			x := b.node("Relu", nil, b.conv("x", 16, 16, 3, 1, 1))
			y := b.conv(b.node("Relu", nil, b.conv(x, 16, 16, 3, 1, 1)), 16, 16, 3, 1, 1)
			x = b.node("Relu", nil, b.node("Add", nil, y, x))
			b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, b.conv(x, 16, 16, 1, 1, 1))
		}, 2},
		"stride": {32, func(b *builder) {
			x := b.node("Relu", nil, b.conv("x", 16, 16, 3, 1, 1))
			y := b.conv(b.node("Relu", nil, b.conv(x, 16, 32, 3, 2, 1)), 32, 32, 3, 1, 1)
			b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, b.node("Add", nil, y, b.conv(x, 16, 32, 1, 2, 1)))
		}, 2},
		"concat": {16, func(b *builder) {
			x := b.node("Relu", nil, b.conv("x", 16, 5, 1, 1, 1))
			y := b.node("Concat", ir.Attrs{"axis": 1}, b.conv(x, 5, 7, 1, 1, 1), b.conv(x, 5, 9, 3, 1, 1))
			b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, b.conv(y, 16, 16, 3, 1, 1))
		}, 2},
		"other strips": {28, func(b *builder) { // 7x7 pixels a strip have no half
			x := b.conv(b.conv("x", 16, 16, 3, 2, 1), 16, 16, 3, 2, 1)
			b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)
		}, 3},
	} {
		b := newBuilder(3, 0.9, 16, c.size, c.size)
		c.build(b)
		in := randomInput(5, b.Graph, 2)
		want := exact(t, b.Graph, in)
		for _, isa := range sets("go", "avx2", "avx512") {
			for _, threads := range []int{1, 2} {
				p, err := Compile(b.Graph, primitive.Kernels(), machine(isa, threads), Plan{Algorithm: "direct", Format: "csr", Batch: 2})
				if err != nil {
					t.Fatal(err)
				}
				if moves := stripMoves(p); len(moves) != c.moves {
					t.Errorf("%s: %d conversions into strips and out of them, want %d: %v", name, len(moves), c.moves, moves)
				}
				if d := exactness.Distance(runOnce(t, p, narrow(in.Data)), want); !(d <= 2e-5) {
					t.Errorf("%s %s: differs by %g", name, isa, d)
				}
			}
		}
	}
}

// TestStripsCountTheirWay checks that the choice of a format counts conversions: sparse convolutions one after the other
// take strips, a single one between nodes over blocks does where its zeros pay for the way there and back alone.
func TestStripsCountTheirWay(t *testing.T) {
	formats := func(g *ir.Graph, isa string) (csr int) {
		p := compile(t, g, machine(isa, 1), Plan{})
		for _, n := range p.Nodes() {
			if n.Format == "csr" {
				csr++
			}
		}
		return csr
	}
	pool := ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}
	build := func(zeros float64, convs, kernel int) *ir.Graph {
		b := newBuilder(3, zeros, 64, 56, 56)
		x := b.node("MaxPool", pool, "x")
		for range convs {
			x = b.node("Relu", nil, b.conv(x, 64, 64, kernel, 1, 1))
		}
		b.node("MaxPool", pool, x)
		return b.Graph
	}
	for _, c := range []struct {
		zeros         float64
		convs, kernel int
		want          int
	}{
		{0, 4, 3, 0}, {0.5, 4, 3, 0}, {0.95, 4, 3, 4}, {0.95, 1, 3, 1}, {0.5, 1, 1, 0},
	} {
		for _, isa := range sets("avx2", "avx512") {
			if got := formats(build(c.zeros, c.convs, c.kernel), isa); got != c.want {
				t.Errorf("%s: of %d convolutions %dx%d at %v zeros %d are csr, want %d", isa, c.convs, c.kernel, c.kernel, c.zeros, got, c.want)
			}
		}
	}
}

// TestZerosLeaveBlocks checks that nodes before a sparse one keep their kernels over blocks, whose way into strips costs
// something, and do not take kernels over plain maps, whose way there costs more.
func TestZerosLeaveBlocks(t *testing.T) {
	if len(sets("avx512")) == 0 {
		t.Skip("for AVX-512")
	}
	for _, threads := range []int{1, 2} {
		for _, size := range []int{7, 28, 56} {
			b := newBuilder(4, 0.9, 32, size, size)
			x := b.node("Relu", nil, b.conv("x", 32, 192, 1, 1, 1))
			x = b.node("Relu", nil, b.conv(x, 192, 192, 3, 1, 192))
			b.conv(x, 192, 32, 1, 1, 1)
			for _, n := range compile(t, b.Graph, machine("avx512", threads), Plan{}).Nodes() {
				if strings.Contains(n.Kernel, "grouped") || strings.HasSuffix(n.Name, "(plain)") && !strings.HasPrefix(n.Name, b.Output()) {
					t.Errorf("%d threads, %d pixels: %s is %s", threads, size, n.Name, n.Kernel)
				}
			}
		}
	}
}
