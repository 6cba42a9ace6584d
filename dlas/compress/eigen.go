package compress

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"

	"github.com/godlas/godlas/dlas/ir"
)

// symmetric is a symmetric matrix on its way to its eigenvalues: Householder's reduction to three diagonals, then implicit
// QL (Golub and Van Loan, Matrix Computations, sections 8.3.1 and 8.3.3; Bowdler et al., 1968). All inner loops go along rows,
// and all of them look at the context: a library's decomposition can do neither.
type symmetric struct {
	a       [][]float64 // the rows; of the lower triangle, row i up to i; reduce leaves Householder's vectors there
	h       []float64   // half the squared length of each of these; zero: there is none
	d, e    []float64   // the diagonal, and what stands below it: e[i] between i and i+1
	panels  [][]float64 // of the transposed vectors: all rows, and so many columns
	columns int         // of a panel
	turns   []turn      // that the panels still have to do
}

// turn is a rotation of rows i and i+1.
type turn struct {
	i    int
	c, s float64
}

// cacheBytes is what inner loops walk through over and over: half of a core's second cache.
const cacheBytes = 1 << 20

// mostTurns is after how many rotations all panels do them.
const mostTurns = 1 << 14

// newSymmetric reduces a matrix, of which the lower triangle counts, to three diagonals. The matrix is used up.
func newSymmetric(ctx context.Context, a [][]float64) (*symmetric, error) {
	n := len(a)
	m := &symmetric{a: a, h: make([]float64, n), d: make([]float64, n), e: make([]float64, n)}
	w := make([]float64, n)
	for i := n - 1; i > 0; i-- {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		v, last := a[i][:i], a[i][i-1]
		if i == 1 || floats.Dot(v[:i-1], v[:i-1]) == 0 {
			m.e[i-1] = last
			continue
		}
		h := floats.Dot(v, v)
		g := -math.Copysign(math.Sqrt(h), last)
		m.e[i-1] = g
		h -= last * g
		m.h[i] = h
		v[i-1] = last - g
		// The reflection is 1 - v v'/h. The rest becomes A - v w' - w v', where w = A v/h less half of its share along v.
		w := w[:i]
		clear(w)
		for j, row := range a[:i] {
			w[j] += floats.Dot(row[:j], v[:j]) + row[j]*v[j]
			floats.AddScaled(w[:j], v[j], row[:j])
		}
		floats.Scale(1/h, w)
		floats.AddScaled(w, -floats.Dot(w, v)/(2*h), v)
		for j, row := range a[:i] {
			floats.AddScaled(row[:j+1], -v[j], w[:j+1])
			floats.AddScaled(row[:j+1], -w[j], v[:j+1])
		}
	}
	for i, row := range a {
		m.d[i] = row[i]
	}
	return m, nil
}

// values are the eigenvalues, the largest first.
func (m *symmetric) values(ctx context.Context) ([]float64, error) {
	d := slices.Clone(m.d)
	if err := ql(ctx, d, slices.Clone(m.e), nil); err != nil {
		return nil, err
	}
	slices.Sort(d)
	slices.Reverse(d)
	return d, nil
}

// vectors are the eigenvectors of the r largest eigenvalues, each a row, and these values.
func (m *symmetric) vectors(ctx context.Context, r int) (rows [][]float64, values []float64, err error) {
	if err := m.transform(ctx); err != nil {
		return nil, nil, err
	}
	d := slices.Clone(m.d)
	err = ql(ctx, d, slices.Clone(m.e), func(t turn) error {
		if m.turns = append(m.turns, t); len(m.turns) < mostTurns {
			return nil
		}
		return m.rotate(ctx)
	})
	if err == nil {
		err = m.rotate(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	order := make([]int, len(d))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case d[i] > d[j]:
			return -1
		case d[i] < d[j]:
			return 1
		}
		return 0
	})
	for _, i := range order[:r] {
		row := make([]float64, 0, len(d))
		for k, p := range m.panels {
			width := min(m.columns, len(d)-k*m.columns)
			row = append(row, p[i*width:(i+1)*width]...)
		}
		rows, values = append(rows, row), append(values, d[i])
	}
	return rows, values, nil
}

// transform multiplies the reflections, and lays the transposed product out in panels that a cache holds.
func (m *symmetric) transform(ctx context.Context) error {
	n := len(m.d)
	q := square(n)
	for i := range q {
		q[i][i] = 1
	}
	u := make([]float64, n)
	for i := 2; i < n; i++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if m.h[i] == 0 {
			continue
		}
		v, u := m.a[i][:i], u[:i]
		clear(u)
		for j, x := range v {
			floats.AddScaled(u, x, q[j][:i])
		}
		for j, x := range v {
			floats.AddScaled(q[j][:i], -x/m.h[i], u)
		}
	}
	m.columns = max(8, cacheBytes/2/8/n)
	m.panels = nil
	for first := 0; first < n; first += m.columns {
		width := min(m.columns, n-first)
		p := make([]float64, n*width)
		for k := range width {
			for i, x := range q[first+k] {
				p[i*width+k] = x
			}
		}
		m.panels = append(m.panels, p)
	}
	return nil
}

// rotate does the rotations that wait, one panel after the other.
func (m *symmetric) rotate(ctx context.Context) error {
	for k, p := range m.panels {
		width := min(m.columns, len(m.d)-k*m.columns)
		for j, t := range m.turns {
			if j*width%(1<<17) < width && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			x, y := p[t.i*width:][:width], p[(t.i+1)*width:][:width]
			for i, f := range y {
				g := x[i]
				y[i] = t.s*g + t.c*f
				x[i] = t.c*g - t.s*f
			}
		}
	}
	m.turns = m.turns[:0]
	return nil
}

// mostSteps bounds the steps for one eigenvalue: two are usual.
const mostSteps = 100

// ql makes the diagonal d the eigenvalues, where e stands beside it; each, if not nil, hears of the rotations.
func ql(ctx context.Context, d, e []float64, each func(turn) error) error {
	const eps = 0x1p-53
	n, norm := len(d), 0.0
	for i := range d {
		norm = max(norm, math.Abs(d[i])+math.Abs(e[i]))
	}
	for l := range d {
		for step := 0; ; step++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			at := l // up to where the matrix does not fall apart
			for at < n-1 && math.Abs(e[at]) > eps*(math.Abs(d[at])+math.Abs(d[at+1])) && math.Abs(e[at]) > eps*eps*norm {
				at++
			}
			if at == l {
				break
			}
			if step == mostSteps {
				return ir.Errorf(ir.Compress, "lowrank: the singular values could not be found")
			}
			// Wilkinson's shift, from the two rows at l.
			g := (d[l+1] - d[l]) / (2 * e[l])
			g = d[at] - d[l] + e[l]/(g+math.Copysign(math.Hypot(g, 1), g))
			s, c, p := 1.0, 1.0, 0.0
			i := at - 1
			for ; i >= l; i-- {
				f, b := s*e[i], c*e[i]
				r := math.Sqrt(f*f + g*g)
				e[i+1] = r
				if r == 0 { // it falls apart here
					d[i+1] -= p
					e[at] = 0
					break
				}
				s, c = f/r, g/r
				g = d[i+1] - p
				r = (d[i]-g)*s + 2*c*b
				p = s * r
				d[i+1] = g + p
				g = c*r - b
				if each != nil {
					if err := each(turn{i, c, s}); err != nil {
						return err
					}
				}
			}
			if i < l {
				d[l] -= p
				e[l], e[at] = g, 0
			}
		}
	}
	return nil
}

// square are the rows of a matrix of zeros.
func square(n int) [][]float64 { return matrix(n, n) }

func matrix(rows, cols int) [][]float64 {
	all := make([]float64, rows*cols)
	out := make([][]float64, rows)
	for i := range out {
		out[i] = all[i*cols : (i+1)*cols : (i+1)*cols]
	}
	return out
}

// gram is the lower triangle of a matrix times its transpose.
func gram(ctx context.Context, a [][]float64) ([][]float64, error) {
	g := square(len(a))
	width := max(64, cacheBytes/8/len(a))
	for first := 0; first < len(a[0]); first += width {
		last := min(first+width, len(a[0]))
		for i := range a {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			row := a[i][first:last]
			for j, other := range a[:i+1] {
				g[i][j] += floats.Dot(row, other[first:last])
			}
		}
	}
	return g, nil
}

// product is x times a.
func product(ctx context.Context, x, a [][]float64) ([][]float64, error) {
	out := matrix(len(x), len(a[0]))
	width := max(64, cacheBytes/2/8/len(a))
	for first := 0; first < len(a[0]); first += width {
		last := min(first+width, len(a[0]))
		for k, row := range x {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			to := out[k][first:last]
			for i, v := range row {
				floats.AddScaled(to, v, a[i][first:last])
			}
		}
	}
	return out, nil
}
