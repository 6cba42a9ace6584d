//go:build ignore

// Pack makes the embedded part of Fashion-MNIST from the official files: it copies the test set and cuts `val`, the last
// 200 training images of each class, out of the training set. Run it in the folder above by `go run ./embedded/pack.go` where Debian's package
// dataset-fashion-mnist is installed, or give the folder of the files as the argument.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

const perClass, pixels = 200, 28 * 28

func main() {
	src := "/usr/share/datasets/fashion-mnist"
	if len(os.Args) > 1 {
		src = os.Args[1]
	}
	for _, n := range []string{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"} {
		write(n, read(src, n))
	}
	x, y := read(src, "train-images-idx3-ubyte"), read(src, "train-labels-idx1-ubyte")
	labels := y[8:]
	var seen [10]int
	isVal := make([]bool, len(labels))
	for i := len(labels) - 1; i >= 0; i-- {
		if c := labels[i]; seen[c] < perClass {
			seen[c]++
			isVal[i] = true
		}
	}
	vx := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, 10*perClass)
	vx = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(vx, 28), 28)
	vy := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, 10*perClass)
	for i, c := range labels {
		if isVal[i] {
			vx = append(vx, x[16+i*pixels:16+(i+1)*pixels]...)
			vy = append(vy, c)
		}
	}
	write("val-images-idx3-ubyte", vx)
	write("val-labels-idx1-ubyte", vy)
	for _, n := range []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"} {
		fmt.Printf("%x  %s\n", sha256.Sum256(read(src, n)), n)
	}
}

func read(dir, name string) []byte {
	f, err := os.Open(filepath.Join(dir, name+".gz"))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		log.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// write packs without name and time, so that the same content gives the same bytes.
func write(name string, raw []byte) {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(raw)
	if err := z.Close(); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("embedded", name+".gz"), b.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%x  %s (%d bytes packed)\n", sha256.Sum256(raw), name, b.Len())
}
