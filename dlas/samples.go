package dlas

import (
	"image"

	"github.com/godlas/godlas/dlas/ir"
)

// Pictures opens the stack's data set, the first of a sweep's, and returns its first n images, or all where there are
// fewer, one pixel a pixel, with the names of their classes; no names where the set has no labels.
func (s Stack) Pictures(n int) (pictures []image.Image, labels []string, err error) {
	points, err := s.spec.Points()
	if err != nil {
		return nil, nil, err
	}
	c, err := choicesOf(points[0])
	if err != nil {
		return nil, nil, err
	}
	set, err := (&sets{}).open(c[ir.Data][0])
	if err != nil {
		return nil, nil, err
	}
	for i := range min(n, set.Len()) {
		img, err := set.Image(i)
		if err != nil {
			return nil, nil, err
		}
		pictures = append(pictures, Picture(img, 1))
		if l, ok := set.Label(i); ok {
			labels = append(labels, className(set.Classes, l))
		}
	}
	return pictures, labels, nil
}
