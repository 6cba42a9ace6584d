package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godlas/godlas/dlas/ir"
	"github.com/godlas/godlas/dlas/ir/op"
	"github.com/godlas/godlas/dlas/model/onnx"
	"github.com/godlas/godlas/dlas/model/packed"
	"github.com/godlas/godlas/dlas/model/tflite"
)

// Format is the kind of a file of a network.
type Format string

// The formats that are read. Safetensors holds weights without a network.
const (
	ONNX   Format = "onnx"
	TFLite Format = "tflite"
	Native Format = "dlas" // this program's own: package packed
)

// File is a network as its file has it, checked, with one image's shape at its input.
type File struct {
	Graph  *ir.Graph
	Format Format
	Writer string            // the program that wrote the file, as far as it says
	Meta   map[string]string // what else the file says of itself
	// PrepKnown: the file says what it wants done to pixels (Graph.Prep); otherwise Graph.Prep is empty.
	PrepKnown bool
	Notes     []string // what a user must know of the reading, a line each

	integersIn, integersOut bool // the file's first input and output are integers, which the graph has as numbers
	roundings               *tflite.Roundings
}

// FileOptions say how a network's file is read.
type FileOptions struct {
	// Input (N x C x H x W) binds axes that the file leaves open; empty: those are an error. The batch is never bound.
	Input ir.Shape
	// Digest asks for Graph.Digest, the SHA-256 of the file and its external data.
	Digest bool
	// Head is a file whose network goes on where this one ends; empty: none.
	Head string

	usual bool // of a TFLite file: it is part of a network that is computed as by LiteRT's default
}

// IsFile reports whether a model's name is that of a file: it ends as one does, or has a folder before it.
func IsFile(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".onnx", ".tflite", ".dlas", ".safetensors":
		return true
	}
	return strings.ContainsAny(name, `/\`)
}

// ReadFile reads a network from an ONNX, TFLite or native file. What it holds, not its name, says which. Errors are *ir.Error
// of layer model that name the file.
func ReadFile(path string, o FileOptions) (*File, error) {
	f, err := readFile(path, o)
	if err == nil && o.Head != "" {
		err = f.join(o.Head, o)
	}
	if err == nil {
		return f, nil
	}
	var known *ir.Error
	if errors.As(err, &known) && known.Layer == ir.Model {
		return nil, &ir.Error{Layer: ir.Model, What: path + ": " + known.What, Err: known.Err, Try: known.Try}
	}
	return nil, &ir.Error{Layer: ir.Model, What: path, Err: err}
}

func readFile(path string, o FileOptions) (*File, error) {
	raw, err := readWhole(path)
	if err != nil {
		return nil, err
	}
	switch {
	case len(raw) >= 8 && string(raw[4:8]) == "TFL3":
		return readTFLite(raw, o)
	case len(raw) >= len(packed.Magic) && string(raw[:7]) == packed.Magic[:7]:
		return readNative(raw, o)
	case looksLikeSafetensors(raw):
		return nil, &ir.Error{Layer: ir.Model, What: "holds weights (safetensors) and no network", Try: "give run and export data of its shape, such as random(1x3x32x32), or name the network, and put the file at weights/DATA/NETWORK.safetensors in the folder of DLAS_DATA"}
	}
	return readONNX(path, raw, o)
}

// looksLikeSafetensors tells by a file's first bytes: eight bytes of length, then a JSON object.
func looksLikeSafetensors(raw []byte) bool {
	return len(raw) > 9 && raw[8] == '{' && raw[6] == 0 && raw[7] == 0
}

// readWhole reads a file of a network into memory.
func readWhole(path string) ([]byte, error) {
	file, size, err := openWhole(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, size)
}

// openWhole opens a file that is to be read whole. A pipe, a device or a folder is refused without waiting for it.
func openWhole(path string) (file *os.File, size int, err error) {
	file, err = os.OpenFile(path, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, 0, err
	}
	st, err := file.Stat()
	switch {
	case err != nil:
	case st.IsDir():
		err = errors.New("is a folder, and a network is a file")
	case !st.Mode().IsRegular():
		err = errors.New("is not a file")
	case st.Size() == 0:
		err = errors.New("is empty")
	case st.Size() > maxWeights:
		err = fmt.Errorf("holds %d bytes, more than the %d there may be", st.Size(), int64(maxWeights))
	default:
		return file, int(st.Size()), nil
	}
	file.Close()
	return nil, 0, err
}

// readAll reads that many bytes, pieces of many on all processors: what takes time is less the copying than that the
// system finds memory for it.
func readAll(file io.ReaderAt, size int) ([]byte, error) {
	const piece = 2 << 20
	raw := ir.NewMemory(size)
	pieces := (size + piece - 1) / piece
	errs := make([]error, min(pieces, runtime.GOMAXPROCS(0)))
	var next atomic.Int32
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for errs[i] == nil {
				at := (int(next.Add(1)) - 1) * piece
				if at >= size {
					return
				}
				if n, err := file.ReadAt(raw[at:min(size, at+piece)], int64(at)); n < min(piece, size-at) {
					errs[i] = fmt.Errorf("ends before its %d bytes: %w", size, err)
				}
			}
		})
	}
	all.Wait()
	return raw, errors.Join(errs...)
}

func readONNX(path string, raw []byte, o FileOptions) (*File, error) {
	folder, err := onnx.OpenFolder(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	m, err := onnx.Read(raw, onnx.Options{Folder: folder, Input: o.Input})
	if err != nil {
		return nil, err
	}
	halves := widenHalves(m.Graph)
	keepHalves(m.Graph)
	if err := op.Modernise(m.Graph, m.Opsets); err != nil {
		return nil, err
	}
	if m.Graph, err = op.Fold(m.Graph); err != nil {
		return nil, err
	}
	f := &File{Graph: m.Graph, Format: ONNX, Writer: m.Producer, Meta: m.Meta}
	if halves {
		f.Notes = append(f.Notes, "computes in f32 what its file computes in float16")
	}
	if err := f.ownMeta(); err != nil {
		return nil, err
	}
	if o.Digest {
		h := sha256.New()
		h.Write(raw)
		if err := folder.Hash(h); err != nil {
			return nil, err
		}
		f.Graph.Digest = hex.EncodeToString(h.Sum(nil))
	}
	if f.Graph.Name == "" {
		f.Graph.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	return f, nil
}

// The properties of an ONNX file that hold what its graph has no place for. Export writes them.
const (
	metaPrep    = "godlas.preprocess" // JSON of ir.Preprocess
	metaClasses = "godlas.classes"    // JSON list of names
	metaTrained = "godlas.trained"    // false: random weights
)

// exportMeta is what a file that WriteONNX makes of g says beside the graph: preprocessing, classes, whether it was trained.
func exportMeta(g *ir.Graph) (map[string]string, error) {
	meta := map[string]string{}
	b, err := json.Marshal(g.Prep)
	if err != nil {
		return nil, err
	}
	meta[metaPrep] = string(b)
	if len(g.Classes) > 0 {
		if b, err = json.Marshal(g.Classes); err != nil {
			return nil, err
		}
		meta[metaClasses] = string(b)
	}
	if !g.Trained {
		meta[metaTrained] = "false"
	}
	return meta, nil
}

// ownMeta takes what exportMeta wrote out of the file's properties.
func (f *File) ownMeta() error {
	if text, ok := f.Meta[metaPrep]; ok {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		var p ir.Preprocess
		if err := d.Decode(&p); err != nil {
			return fmt.Errorf("its property %s is wrong: %w", metaPrep, err)
		}
		if err := checkPrep(p, f.Graph.Input().Shape); err != nil {
			return fmt.Errorf("its property %s is wrong: %w", metaPrep, err)
		}
		f.Graph.Prep, f.PrepKnown = p, true
	}
	if text, ok := f.Meta[metaClasses]; ok {
		if err := json.Unmarshal([]byte(text), &f.Graph.Classes); err != nil {
			return fmt.Errorf("its property %s is wrong: %w", metaClasses, err)
		}
	}
	if f.Meta[metaTrained] == "false" {
		f.Graph.Trained = false
	}
	return nil
}

// checkPrep holds a preprocessing that a file states to what can be done.
func checkPrep(p ir.Preprocess, input ir.Shape) error {
	sane := func(v float64) bool { return v > -1e9 && v < 1e9 }
	if p.Resize < 0 || p.Resize > 1<<13 {
		return fmt.Errorf("resize %d", p.Resize)
	}
	if p.NHWC && len(input) == 4 {
		input = ir.Shape{input[0], input[3], input[1], input[2]}
	}
	if p.Pad < 0 || p.Pad > maxPad || p.Scale < 0 || !sane(p.Scale) {
		return fmt.Errorf("pad %d or scale %v", p.Pad, p.Scale)
	}
	for i, list := range [][]float64{p.Mean, p.Std} {
		if len(list) > 0 && len(input) == 4 && len(list) != input[1] {
			return fmt.Errorf("%d values for %d channels", len(list), input[1])
		}
		if slices.ContainsFunc(list, func(v float64) bool { return !sane(v) || i == 1 && v <= 0 }) {
			return fmt.Errorf("values %v", list)
		}
	}
	return nil
}
