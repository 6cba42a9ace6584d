package system

import (
	"bytes"
	"testing"

	"github.com/godlas/godlas/dlas/ir"
)

// What a step fetches is where a later one begins to read, and each of them knows how much of it there is.
func TestFetchAhead(t *testing.T) {
	compiled := func(threads int) *Program {
		b := newBuilder(7, 0, 64, 16, 16)
		x := b.conv("x", 64, 64, 3, 1, 1)
		x = b.node("MaxPool", ir.Attrs{"kernel_shape": []int{2, 2}, "strides": []int{2, 2}}, x)
		x = b.conv(x, 64, 96, 1, 1, 1)
		x = b.node("Flatten", nil, b.node("GlobalAveragePool", nil, x))
		b.node("Gemm", ir.Attrs{"transB": 1}, x, b.weight("fc", 0.1, 10, 96), b.weight("fcb", 0.1, 10))
		m := machine("go", threads)
		m.L1D, m.L2 = 32<<10, 1<<20
		return compile(t, b.Graph, m, Plan{Algorithm: "direct"})
	}
	fetched := 0
	p := compiled(1)
	for i, st := range p.steps {
		if len(st.ahead) == 0 {
			continue
		}
		j := i + 1
		for p.steps[j].bound.Weights == nil {
			j++
		}
		w := p.steps[j].bound.Weights
		if &st.ahead[0] != &w[0] || !bytes.HasPrefix(w, st.ahead) || p.steps[j].fetched != len(st.ahead) {
			t.Errorf("node %s fetches %d bytes, which are not the first of the %d that node %s reads and expects %d of", p.nodes[i].Name, len(st.ahead), len(w), p.nodes[j].Name, p.steps[j].fetched)
		}
		fetched += len(st.ahead)
	}
	if fetched == 0 {
		t.Error("nothing is fetched")
	}
	for i, st := range compiled(2).steps {
		if len(st.ahead) > 0 || st.fetched > 0 {
			t.Errorf("of two threads, which do not share a cache, one fetches at step %d", i)
		}
	}
}
