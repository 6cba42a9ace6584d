package asm

//go:generate go run -C _generate . -set peak -out ../peak_amd64.s -stubs ../peak_amd64.go -pkg asm
