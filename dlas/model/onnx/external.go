package onnx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
)

// External data is weights in files of their own beside the model (onnx.ai, External Data): the model names a file, an
// offset and a length. Nothing but those files is reached: the name stays below the model's folder, and neither it nor
// a part of it may be a symbolic link.

const maxExternal = 1 << 33 // bytes of one file of external data

// Folder is where external data is looked for.
type Folder struct {
	root  *os.Root
	files map[string]*os.File
}

// OpenFolder opens a model's folder for its external data.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root, files: map[string]*os.File{}}, nil
}

// Close closes the folder and what was read in it.
func (f *Folder) Close() error {
	for _, file := range f.files {
		file.Close()
	}
	return f.root.Close()
}

// open opens a file once.
func (f *Folder) open(name string) (*os.File, error) {
	if file, ok := f.files[name]; ok {
		return file, nil
	}
	if len(f.files) >= 1024 {
		return nil, errors.New("the model's weights lie in more than 1024 files")
	}
	if err := f.plain(name); err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, fmt.Errorf("external data: %w", err)
	}
	st, err := file.Stat()
	if err != nil || !st.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("external data %q is not a file", name)
	}
	f.files[name] = file
	return file, nil
}

// plain refuses a name any part of which is a symbolic link: os.Root follows those that stay inside.
func (f *Folder) plain(name string) error {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && !os.IsPathSeparator(name[i]) {
			continue
		}
		if i == 0 {
			return fmt.Errorf("external data %q is not beside the model", name)
		}
		st, err := f.root.Lstat(name[:i])
		if err != nil {
			return fmt.Errorf("external data: %w", err)
		}
		if st.Mode()&os.ModeSymlink != 0 {
			return fmt.Errorf("external data %q is a symbolic link", name)
		}
	}
	return nil
}

// externalData reads size bytes of a tensor that is stored outside the model.
func (d *decoder) externalData(props []property, size int64) ([]byte, error) {
	var name string
	var offset, length int64 = 0, size
	for _, p := range props {
		var err error
		switch p.key {
		case "location":
			name = p.value
		case "offset":
			offset, err = strconv.ParseInt(p.value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(p.value, 10, 64)
		}
		if err != nil || offset < 0 || length < 0 {
			return nil, fmt.Errorf("external data: %s %q is no number of bytes", p.key, p.value)
		}
	}
	switch {
	case name == "":
		return nil, errors.New("external data without a location")
	case d.folder == nil:
		return nil, fmt.Errorf("external data %q: the model was not read from a folder", name)
	case length != size:
		return nil, fmt.Errorf("external data %q gives it %d bytes, and its shape takes %d", name, length, size)
	}
	file, err := d.folder.open(name)
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if st.Size() > maxExternal || offset > st.Size() || length > st.Size()-offset {
		return nil, fmt.Errorf("external data %q has %d bytes, and %d from byte %d on are asked for", name, st.Size(), length, offset)
	}
	// Two tensors may share their bytes, so what all of them take is held to what their files have.
	key := span{name, offset, length}
	if b, ok := d.spans[key]; ok {
		return b, nil
	}
	if d.external += length; d.external > st.Size()+maxExtra && d.external > d.externalFiles(st.Size(), name)+maxExtra {
		return nil, errExtra
	}
	b := make([]byte, length)
	if _, err := file.ReadAt(b, offset); err != nil && !(errors.Is(err, io.EOF) && length == 0) {
		return nil, fmt.Errorf("external data %q: %w", name, err)
	}
	if d.spans == nil {
		d.spans = map[span][]byte{}
	}
	d.spans[key] = b
	return b, nil
}

// span is a part of a file of external data.
type span struct {
	name           string
	offset, length int64
}

// externalFiles is the size of all files of external data seen up to now.
func (d *decoder) externalFiles(size int64, name string) int64 {
	if d.sizes == nil {
		d.sizes = map[string]int64{}
	}
	d.sizes[name] = size
	total := int64(0)
	for _, s := range d.sizes {
		total += s
	}
	return total
}

// Hash writes every file of external data that a model was read from to w, by name.
func (f *Folder) Hash(w io.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(f.files)) {
		if _, err := f.files[name].Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := io.Copy(w, f.files[name]); err != nil {
			return err
		}
	}
	return nil
}
