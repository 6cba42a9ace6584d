package compress

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSmallest holds the limit to sorting: what goes are the first of all pieces in order of magnitude, then place, as many
// as have the number of elements that is nearest.
func TestSmallest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 400 {
		n := 1 + rng.IntN(300)
		var lists []pieces
		type piece struct {
			score float32
			at    int
			size  int64
		}
		var all []piece
		var total int64
		for range 1 + rng.IntN(3) {
			p := pieces{}
			sizes := make([]int, n)
			for i := range n {
				v := float32(rng.NormFloat64())
				switch rng.IntN(4) {
				case 0: // ties
					v = float32(rng.IntN(5) - 2)
				case 1: // what differs in the last bits alone
					v = math.Float32frombits(0x3f800000 + uint32(rng.IntN(9)))
				}
				p.score = append(p.score, v)
				if sizes[i] = 1; round%2 == 1 {
					sizes[i] = rng.IntN(20)
				}
				all = append(all, piece{float32(math.Abs(float64(v))), len(all), int64(sizes[i])})
				total += int64(sizes[i])
			}
			if round%2 == 1 {
				p.size = func(i int) int { return sizes[i] }
			}
			lists = append(lists, p)
		}
		want := rng.Int64N(total + 1)
		slices.SortFunc(all, func(a, b piece) int { return cmp.Or(cmp.Compare(a.score, b.score), a.at-b.at) })
		goes, sum := map[int]bool{}, int64(0)
		for _, p := range all {
			if 2*(want-sum) < p.size { // without it the sum is nearer
				break
			}
			goes[p.at] = true
			sum += p.size
		}
		k, at := smallest(t.Context(), lists, want), 0
		got := int64(0)
		for _, p := range lists {
			for i, v := range p.score {
				drops := k.drops(v)
				if drops {
					got++
					if p.size != nil {
						got += int64(p.size(i)) - 1
					}
				}
				if drops != goes[at] && (p.size == nil || p.size(i) > 0) {
					t.Fatalf("round %d: of %d pieces, %d wanted: piece %d of score %v goes: %v", round, len(all), want, at, v, drops)
				}
				at++
			}
		}
		if got != sum {
			t.Fatalf("round %d: %d elements go, not %d", round, got, sum)
		}
	}
}

// TestZeroWithoutBranch: zeroing single weights is what drops says of each.
func TestZeroWithoutBranch(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	score := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 1, float32(math.Inf(1)), math.SmallestNonzeroFloat32, -math.MaxFloat32}
	for len(score) < 200 {
		score = append(score, float32(rng.IntN(9)-4)/2)
	}
	for want := range int64(len(score)) + 1 {
		k := smallest(t.Context(), []pieces{{score: score}}, want)
		one, data := k, slices.Clone(score)
		k.zero(score, data)
		zeros := int64(0)
		for i, v := range score {
			if drops := one.drops(v); drops != (data[i] == 0) && v != 0 {
				t.Fatalf("of %d: %v at %d is %v", want, v, i, data[i])
			} else if drops {
				zeros++
			}
		}
		if zeros != want {
			t.Fatalf("%d of %d went", zeros, want)
		}
	}
}
