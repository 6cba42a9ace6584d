package system

import (
	"fmt"
	"hash/maphash"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/godlas/godlas/dlas/ir"
)

// Shared is Compile, but hands out the program that it made before while somebody still uses that, where graph, weights,
// plan and machine are the same: sessions of one network have one copy of its packed weights. The kernels must be the
// same at every call.
func Shared(g *ir.Graph, kernels []ir.Kernel, m ir.Machine, p Plan) (*Program, error) {
	of := p
	of.Consume = false
	key := programKey(g, m, of)
	shared.Lock()
	for k, e := range shared.of {
		if e.users == 0 && e.program.Value() == nil {
			delete(shared.of, k)
		}
	}
	e := shared.of[key]
	if e == nil {
		if shared.of == nil {
			shared.of = map[uint64]*entry{}
		}
		e = &entry{}
		shared.of[key] = e
	}
	e.users++
	shared.Unlock()
	defer func() {
		shared.Lock()
		e.users--
		shared.Unlock()
	}()

	// Who wants the same program while it is made waits for it.
	e.making.Lock()
	defer e.making.Unlock()
	if prog := e.program.Value(); prog != nil {
		return prog, nil
	}
	prog, err := Compile(g, kernels, m, p)
	if err == nil {
		e.program = weak.Make(prog)
	}
	return prog, err
}

// entry is a program that lives as long as somebody else holds it.
type entry struct {
	users   int // calls of Shared that are at it
	making  sync.Mutex
	program weak.Pointer[Program]
}

var shared struct {
	sync.Mutex
	of map[uint64]*entry
}

// seed makes the key of this process: nobody can make up a network that has another one's.
var seed = sync.OnceValue(maphash.MakeSeed)

// programKey is a hash of all that a program depends on. The weights, which may be 10^8 bytes, are hashed on all processors.
func programKey(g *ir.Graph, m ir.Machine, p Plan) uint64 {
	var h maphash.Hash
	h.SetSeed(seed())
	fmt.Fprintf(&h, "%q %q %+v %+v\n", g.Inputs, g.Outputs, m, p)
	list := func(names []string) {
		maphash.WriteComparable(&h, len(names))
		for _, name := range names {
			maphash.WriteComparable(&h, name)
		}
	}
	for _, n := range g.Nodes {
		maphash.WriteComparable(&h, n.Name)
		maphash.WriteComparable(&h, n.Op)
		list(n.In)
		list(n.Out)
		maphash.WriteComparable(&h, len(n.Attrs))
		for _, a := range slices.Sorted(maps.Keys(n.Attrs)) {
			if t, ok := n.Attrs[a].(*ir.Tensor); ok {
				fmt.Fprintf(&h, " %q %v %v %x", a, t.Type, t.Shape, maphash.Bytes(seed(), t.Memory()))
				continue
			}
			fmt.Fprintf(&h, " %q %T %#v", a, n.Attrs[a], n.Attrs[a])
		}
	}
	names := slices.Sorted(maps.Keys(g.Weights))
	sums := make([]uint64, len(names))
	var next atomic.Int32
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				if t := g.Weights[names[i]]; t != nil {
					sums[i] = maphash.Bytes(seed(), t.Memory())
				}
			}
		})
	}
	wg.Wait()
	for i, name := range names {
		if t := g.Weights[name]; t != nil {
			maphash.WriteComparable(&h, name)
			maphash.WriteComparable(&h, t.Type)
			maphash.WriteComparable(&h, len(t.Shape))
			for _, n := range t.Shape {
				maphash.WriteComparable(&h, n)
			}
			maphash.WriteComparable(&h, sums[i])
		}
	}
	return h.Sum64()
}
