package model

import (
	"github.com/godlas/godlas/dlas/ir"
)

// form is the kind of picture that a network of a family is made for: the stem and the early strides differ.
type form int

const (
	anyForm form = iota
	small        // 32x32 pictures: CIFAR-10
	large        // 224x224 pictures: ImageNet
)

// widest is the width up to which a picture is small.
const widest = 64

// classes is the number of classes where the data names none.
func (f form) classes() int {
	if f == large {
		return 1000
	}
	return 10
}

// usual is the shape of one picture that the network's published numbers hold for.
func (f form) usual() ir.Shape {
	switch f {
	case small:
		return ir.Shape{3, 32, 32}
	case large:
		return ir.Shape{3, 224, 224}
	}
	return ir.Shape{1, 28, 28}
}

// of makes an architecture one form of its family: its name forces the form, the family's name follows the pictures.
func (f form) of(a architecture) architecture {
	a.family, a.form, a.least = a.option.Name, f, 32
	if f == small {
		a.option.Name = "cifar-" + a.family
		a.option.Help += " This form has the stem for 32x32 pictures (CIFAR-10), without early pooling or strides."
	} else {
		a.option.Name = "imagenet-" + a.family
		a.option.Help += " This form is the one for 224x224 pictures (ImageNet)."
	}
	return a
}

// only marks an architecture that has this one form.
func (f form) only(a architecture) architecture {
	a.form, a.least = f, 32
	return a
}

// family is the row of a name that several forms share; which one it is follows from the data.
func family(name string, members []architecture) architecture {
	a := members[0]
	for _, m := range members {
		if m.form == large {
			a.option.Source = m.option.Source
		}
	}
	a.option.Name, a.option.Help = name, "The form of this network that fits the data: cifar-"+name+" where the pictures are at most 64 pixels wide, else imagenet-"+name+"."
	a.family, a.members = "", members
	return a
}

// fit is the member of a family that a request's pictures want; any other architecture is itself.
func (a architecture) fit(r Request) architecture {
	want := large
	if r.W <= widest {
		want = small
	}
	for _, m := range a.members {
		if m.only != "" && m.only == r.Data {
			return m
		}
	}
	for _, m := range a.members {
		if m.form == want {
			return m
		}
	}
	return a
}
