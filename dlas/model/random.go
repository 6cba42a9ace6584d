package model

import (
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
)

// fill is a tensor whose random elements are still to be drawn.
type fill struct {
	data     []float32
	name     string
	mean, sd float64
}

// fillChunk is the number of elements that one generator draws.
const fillChunk = 1 << 15

// fillAll draws the elements of all tensors on all cores. Every run of fillChunk elements has a generator of its own
// (PCG of O'Neill 2014), seeded by the network's seed, the tensor's name and the run's number: a layer that is added
// changes no other, and the number of cores changes nothing.
func fillAll(fills []fill, seed uint64) {
	type piece struct {
		fill
		part []float32
		key  uint64
	}
	var pieces []piece
	for _, f := range fills {
		h := fnv.New64a()
		h.Write([]byte(f.name))
		key := h.Sum64()
		for at := 0; at < len(f.data); at += fillChunk {
			pieces = append(pieces, piece{f, f.data[at:min(at+fillChunk, len(f.data))], key + uint64(at/fillChunk)*0x9e3779b97f4a7c15})
		}
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(1, len(pieces)/4)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(pieces) {
					return
				}
				p := pieces[i]
				if p.sd == 0 {
					for j := range p.part {
						p.part[j] = float32(p.mean)
					}
					continue
				}
				rng := rand.New(rand.NewPCG(seed, p.key))
				for j := range p.part {
					p.part[j] = float32(p.mean + p.sd*rng.NormFloat64())
				}
			}
		})
	}
	wg.Wait()
}
