//go:build (!amd64 && !arm64) || noasm

package asm

func (w *Window) run(s Sliding, _ ISA) { w.goLoop(s) }

func (w *Window) runSquare(_, _ int, _ ISA) { w.goLoop(SlideDepthwise) }
