//go:build !linux

package ir

func adviseHuge(Memory) {}

func discard(Memory) {}
