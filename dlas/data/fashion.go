package data

import (
	"bytes"
	_ "embed" // the test set and the split val
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/godlas/godlas/dlas/ir"
)

// The official test files, and the images of val cut from the official training files by embedded/pack.go.
var (
	//go:embed embedded/t10k-images-idx3-ubyte.gz
	fashionTestImages []byte
	//go:embed embedded/t10k-labels-idx1-ubyte.gz
	fashionTestLabels []byte
	//go:embed embedded/val-images-idx3-ubyte.gz
	fashionValImages []byte
	//go:embed embedded/val-labels-idx1-ubyte.gz
	fashionValLabels []byte
)

const (
	fashionSide   = 28
	fashionTrain  = 60000
	fashionTest   = 10000
	valPerClass   = 200
	fashionVal    = 10 * valPerClass
	fashionPixels = fashionSide * fashionSide
)

// Digests of the uncompressed files; those of the official ones are of Debian's copy (dataset-fashion-mnist), whose
// compressed sizes differ from the publisher's by the file names in their headers alone.
var (
	fashionTestX  = idxFile{"t10k-images-idx3-ubyte", []int{fashionTest, fashionSide, fashionSide}, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"}
	fashionTestY  = idxFile{"t10k-labels-idx1-ubyte", []int{fashionTest}, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}
	fashionTrainX = idxFile{"train-images-idx3-ubyte", []int{fashionTrain, fashionSide, fashionSide}, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"}
	fashionTrainY = idxFile{"train-labels-idx1-ubyte", []int{fashionTrain}, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"}
	fashionValX   = idxFile{"val-images-idx3-ubyte", []int{fashionVal, fashionSide, fashionSide}, "63e47b3ab5822a0c6a1073a37a5833a739b7405e8f470ab71d1040d7d419bbf5"}
	fashionValY   = idxFile{"val-labels-idx1-ubyte", []int{fashionVal}, "222cab7a75802bb5ed2f033b3a64afc26fcb041abf553f6c45a1e53a7b489151"}
)

// debianFashion is where Debian's package dataset-fashion-mnist puts the files.
const debianFashion = "/usr/share/datasets/fashion-mnist"

func fashionClasses() []string {
	return []string{"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"}
}

func fashionSet() set {
	return set{
		option: ir.Option{
			Name: "fashion-mnist",
			Help: "Fashion-MNIST: 70,000 grey pictures of clothes, 28x28 pixels, in 10 classes. The 10,000 of `test` and the 2,000 of `val` " +
				"(the last 200 training images of each class, which the embedded networks never saw) are part of this program; the other 58,000 of `train` " +
				"come from DLAS_DATA/fashion-mnist, Debian's package dataset-fashion-mnist or `dlas data get fashion-mnist`.",
			Source: "Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017, arXiv:1708.07747; MIT licence",
			Params: splitParams(),
		},
		open: openFashion,
	}
}

type imagesLabels struct{ x, y []uint8 }

var (
	fashionTestOnce = sync.OnceValues(func() (imagesLabels, error) {
		return embeddedIDX(fashionTestImages, fashionTestLabels, fashionTestX, fashionTestY)
	})
	fashionValOnce = sync.OnceValues(func() (imagesLabels, error) {
		return embeddedIDX(fashionValImages, fashionValLabels, fashionValX, fashionValY)
	})
)

func embeddedIDX(xz, yz []byte, fx, fy idxFile) (d imagesLabels, err error) {
	for _, p := range []struct {
		z   []byte
		f   idxFile
		out *[]uint8
	}{{xz, fx, &d.x}, {yz, fy, &d.y}} {
		raw, err := gunzip(bytes.NewReader(p.z), p.f.bytes())
		if err != nil {
			return d, err
		}
		if *p.out, err = p.f.parse(raw); err != nil {
			return d, err
		}
	}
	return d, nil
}

func openFashion(c ir.Choice, env Env) (*Set, error) {
	split := c.Arg("split", "test")
	var d imagesLabels
	var err error
	switch split {
	case "test":
		d, err = fashionTestOnce()
	case "val":
		d, err = fashionValOnce()
	default:
		d, err = fashionTrainRest(env)
	}
	if err != nil {
		var e *ir.Error
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, &ir.Error{Layer: ir.Data, What: "fashion-mnist", Err: err}
	}
	n, err := first(c, split, len(d.y))
	if err != nil {
		return nil, err
	}
	s := &Set{
		Name: "fashion-mnist", Split: split, Classes: fashionClasses(), Shape: ir.Shape{1, fashionSide, fashionSide},
		pix: d.x[:n*fashionPixels], labels: d.y[:n],
	}
	if split == "train" {
		s.Caveat = "the embedded networks were trained on these images"
	}
	return s.seal(), nil
}

// fashionTrainRest reads the official training files and leaves out the images of val.
func fashionTrainRest(env Env) (imagesLabels, error) {
	dir, err := findDir("fashion-mnist", env, []string{debianFashion}, func(dir string) bool {
		for _, ext := range []string{"", ".gz"} {
			if _, err := os.Stat(filepath.Join(dir, fashionTrainX.name+ext)); err == nil {
				return true
			}
		}
		return false
	})
	if err != nil {
		return imagesLabels{}, err
	}
	x, err := readIDX(dir, fashionTrainX)
	if err != nil {
		return imagesLabels{}, err
	}
	y, err := readIDX(dir, fashionTrainY)
	if err != nil {
		return imagesLabels{}, err
	}
	_, rest := splitVal(x, y)
	return rest, nil
}

// splitVal cuts the last 200 images of each class off the official training set; both parts keep its order.
func splitVal(x, y []uint8) (val, rest imagesLabels) {
	left := [10]int{}
	isVal := make([]bool, len(y))
	for i := len(y) - 1; i >= 0; i-- {
		if c := y[i]; left[c] < valPerClass {
			left[c]++
			isVal[i] = true
		}
	}
	for i, c := range y {
		part := &rest
		if isVal[i] {
			part = &val
		}
		part.x = append(part.x, x[i*fashionPixels:(i+1)*fashionPixels]...)
		part.y = append(part.y, c)
	}
	return val, rest
}

// findDir returns the first folder that has the set: DLAS_DATA/NAME, the places, the cache. The error says where it looked.
func findDir(name string, env Env, places []string, has func(dir string) bool) (string, error) {
	var looked []string
	try := func(dir, words string) bool {
		looked = append(looked, words)
		return has(dir)
	}
	if env.Dir == "" {
		looked = append(looked, "DLAS_DATA (not set)")
	} else if dir := filepath.Join(env.Dir, name); try(dir, dir) {
		return dir, nil
	}
	for _, dir := range places {
		if try(dir, dir) {
			return dir, nil
		}
	}
	if dir := env.cached(name); dir != "" && try(dir, dir) {
		return dir, nil
	}
	return "", &ir.Error{
		Layer: ir.Data, What: fmt.Sprintf("%s was not found; looked in %s", name, strings.Join(looked, ", ")),
		Try: "run `dlas data get " + name + "`, or set DLAS_DATA to the folder that holds " + name,
	}
}
