package display

import (
	"reflect"
	"strconv"
)

// matrix is what the matrices of gonum have; a local interface keeps this package free of gonum.
type matrix interface {
	Dims() (r, c int)
	At(i, j int) float64
}

// complexMatrix is that of its matrices of complex numbers.
type complexMatrix interface {
	Dims() (r, c int)
	At(i, j int) complex128
}

func matrixBundle(m matrix) map[string]any {
	r, c := m.Dims()
	return grid(r, c, func(rows []int, j int) column {
		fs := make([]float64, len(rows))
		for k, i := range rows {
			fs[k] = m.At(i, j)
		}
		return floatsColumn("", fs)
	})
}

func complexBundle(m complexMatrix) map[string]any {
	r, c := m.Dims()
	return grid(r, c, func(rows []int, j int) column {
		vs := make([]reflect.Value, len(rows))
		for k, i := range rows {
			vs[k] = reflect.ValueOf(m.At(i, j))
		}
		return columnOf("", vs)
	})
}

// A matrix shows fewer rows than a table of records: its elements say less one by one.
const (
	maxSide  = 20
	edgeSide = 8
)

// grid is a table whose rows and columns have numbers for names.
func grid(r, c int, columnAt func(rows []int, j int) column) map[string]any {
	rows, gap := pick(r, maxSide, edgeSide, edgeSide)
	cols, colGap := pick(c, maxSide, edgeSide, edgeSide)
	t := &table{rows: r, columns: c, gap: gap, colGap: colGap}
	index := column{right: true}
	for _, i := range rows {
		index.cells = append(index.cells, strconv.Itoa(i))
	}
	t.index = &index
	for _, j := range cols {
		col := columnAt(rows, j)
		col.head = strconv.Itoa(j)
		t.cols = append(t.cols, col)
	}
	return t.bundle()
}
