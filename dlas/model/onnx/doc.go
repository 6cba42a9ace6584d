// Package onnx reads and writes networks as ONNX files (onnx.ai, ONNX IR specification).
//
// Files are hostile: no count, shape or length in one is believed before the bytes at hand cover it, reading takes at
// most 64 MB beyond the file's size, and a model reaches no other file than its external data beside it. The decoder of
// protocol buffers is a hundred lines here: it reads the messages where they lie, which no published one for Go does, so
// that hundreds of megabytes of weights are never copied.
package onnx
