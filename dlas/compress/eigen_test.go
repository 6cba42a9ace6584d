package compress

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// TestEigen holds the decomposition against gonum's: the same eigenvalues, orthonormal vectors, and the matrix again as
// their sum. Matrices have any rank, equal eigenvalues, rows of zeros, and numbers of any size.
func TestEigen(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, c := range []struct {
		rows, cols int
		make       func(i, j int) float64
	}{
		{1, 1, func(i, j int) float64 { return 3 }},
		{2, 5, func(i, j int) float64 { return r.NormFloat64() }},
		{33, 70, func(i, j int) float64 { return r.NormFloat64() }},
		{130, 200, func(i, j int) float64 { return r.NormFloat64() * 1e-20 }},
		{64, 9, func(i, j int) float64 { return r.NormFloat64() * 1e20 }}, // of rank 9
		{20, 20, func(i, j int) float64 { return 0 }},
		{20, 20, func(i, j int) float64 { return float64((i + 1) / (j + 1) * ((j + 1) / (i + 1))) }}, // the identity
		{40, 40, func(i, j int) float64 { return float64(i%5*(j%3)) - 2 }},
		{50, 60, func(i, j int) float64 { return r.NormFloat64() * math.Pow(10, -float64(i)/3) }}, // graded
	} {
		t.Run(fmt.Sprintf("%dx%d", c.rows, c.cols), func(t *testing.T) {
			a := matrix(c.rows, c.cols)
			for i, row := range a {
				for j := range row {
					row[j] = c.make(i, j)
				}
			}
			g, err := gram(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			n := c.rows
			want := mat.NewSymDense(n, nil)
			for i := range n {
				for j := range i + 1 {
					want.SetSym(i, j, g[i][j])
				}
			}
			var eig mat.EigenSym
			if !eig.Factorize(want, false) {
				t.Fatal("gonum finds no eigenvalues")
			}
			theirs := eig.Values(nil)
			most := max(math.Abs(theirs[n-1]), 1e-300)
			s, err := newSymmetric(t.Context(), g)
			if err != nil {
				t.Fatal(err)
			}
			values, err := s.values(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			vectors, again, err := s.vectors(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if math.Abs(v-theirs[n-1-i]) > 1e-13*most || math.Abs(v-again[i]) > 1e-13*most {
					t.Errorf("eigenvalue %d is %g and %g, gonum's %g, the largest %g", i, v, again[i], theirs[n-1-i], most)
				}
			}
			for i := range n {
				for j := range i + 1 {
					sum := 0.0
					for k, v := range again {
						sum += v * vectors[k][i] * vectors[k][j]
					}
					if d := math.Abs(sum - want.At(i, j)); d > 1e-13*most {
						t.Fatalf("element %d, %d is off by %g of %g", i, j, d, most)
					}
					one := 0.0
					if i == j {
						one = 1
					}
					if d := math.Abs(floats.Dot(vectors[i], vectors[j]) - one); d > 1e-12 {
						t.Fatalf("the product of vectors %d and %d is off by %g", i, j, d)
					}
				}
			}
		})
	}
}
