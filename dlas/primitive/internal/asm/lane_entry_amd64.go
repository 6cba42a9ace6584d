//go:build !noasm

package asm

// The switches call the loops by name: called through a variable, their arguments would move to the heap.

//go:noinline
func (m *Map) run(f Fn, isa ISA) {
	switch isa {
	case AVX512:
		m.avx512(f)
	case AVX2:
		m.avx2(f)
	default:
		m.goLoop(f)
	}
}

//go:noinline
func (m *Map) avx512(f Fn) {
	switch f {
	case FnAdd:
		mapAddAVX512(m)
	case FnSub:
		mapSubAVX512(m)
	case FnMul:
		mapMulAVX512(m)
	case FnDiv:
		mapDivAVX512(m)
	case FnMin:
		mapMinAVX512(m)
	case FnMax:
		mapMaxAVX512(m)
	case FnPRelu:
		mapPReluAVX512(m)
	case FnAffine:
		mapAffineAVX512(m)
	case FnNorm:
		mapNormAVX512(m)
	case FnExpSub:
		mapExpSubAVX512(m)
	case FnClip:
		mapClipAVX512(m)
	case FnLeaky:
		mapLeakyAVX512(m)
	case FnSigmoid:
		mapSigmoidAVX512(m)
	case FnSiLU:
		mapSiLUAVX512(m)
	case FnHardSigmoid:
		mapHardSigmoidAVX512(m)
	case FnHardSwish:
		mapHardSwishAVX512(m)
	case FnTanh:
		mapTanhAVX512(m)
	case FnExp:
		mapExpAVX512(m)
	case FnElu:
		mapEluAVX512(m)
	case FnGelu:
		mapGeluAVX512(m)
	case FnGeluTanh:
		mapGeluTanhAVX512(m)
	case FnSoftplus:
		mapSoftplusAVX512(m)
	case FnMish:
		mapMishAVX512(m)
	case FnSqrt:
		mapSqrtAVX512(m)
	case FnAbs:
		mapAbsAVX512(m)
	case FnNeg:
		mapNegAVX512(m)
	case FnReciprocal:
		mapReciprocalAVX512(m)
	case FnFloor:
		mapFloorAVX512(m)
	case FnCeil:
		mapCeilAVX512(m)
	case FnRound:
		mapRoundAVX512(m)
	case FnErf:
		mapErfAVX512(m)
	case FnLog:
		mapLogAVX512(m)
	}
}

//go:noinline
func (m *Map) avx2(f Fn) {
	switch f {
	case FnAdd:
		mapAddAVX2(m)
	case FnSub:
		mapSubAVX2(m)
	case FnMul:
		mapMulAVX2(m)
	case FnDiv:
		mapDivAVX2(m)
	case FnMin:
		mapMinAVX2(m)
	case FnMax:
		mapMaxAVX2(m)
	case FnPRelu:
		mapPReluAVX2(m)
	case FnAffine:
		mapAffineAVX2(m)
	case FnNorm:
		mapNormAVX2(m)
	case FnExpSub:
		mapExpSubAVX2(m)
	case FnClip:
		mapClipAVX2(m)
	case FnLeaky:
		mapLeakyAVX2(m)
	case FnSigmoid:
		mapSigmoidAVX2(m)
	case FnSiLU:
		mapSiLUAVX2(m)
	case FnHardSigmoid:
		mapHardSigmoidAVX2(m)
	case FnHardSwish:
		mapHardSwishAVX2(m)
	case FnTanh:
		mapTanhAVX2(m)
	case FnExp:
		mapExpAVX2(m)
	case FnElu:
		mapEluAVX2(m)
	case FnGelu:
		mapGeluAVX2(m)
	case FnGeluTanh:
		mapGeluTanhAVX2(m)
	case FnSoftplus:
		mapSoftplusAVX2(m)
	case FnMish:
		mapMishAVX2(m)
	case FnSqrt:
		mapSqrtAVX2(m)
	case FnAbs:
		mapAbsAVX2(m)
	case FnNeg:
		mapNegAVX2(m)
	case FnReciprocal:
		mapReciprocalAVX2(m)
	case FnFloor:
		mapFloorAVX2(m)
	case FnCeil:
		mapCeilAVX2(m)
	case FnRound:
		mapRoundAVX2(m)
	case FnErf:
		mapErfAVX2(m)
	case FnLog:
		mapLogAVX2(m)
	}
}

// Sum runs the reduction with sums.
//
//go:noinline
func (r *Reduce) Sum(isa ISA) {
	r.check()
	switch isa {
	case AVX512:
		reduceSumAVX512(r)
	case AVX2:
		reduceSumAVX2(r)
	default:
		r.goLoop(reduceSum)
	}
}

// Max runs the reduction with maxima.
//
//go:noinline
func (r *Reduce) Max(isa ISA) {
	r.check()
	switch isa {
	case AVX512:
		reduceMaxAVX512(r)
	case AVX2:
		reduceMaxAVX2(r)
	default:
		r.goLoop(reduceMax)
	}
}

// Squares runs the reduction with squares of the distances from Mean.
//
//go:noinline
func (r *Reduce) Squares(isa ISA) {
	r.check()
	switch isa {
	case AVX512:
		reduceSquaresAVX512(r)
	case AVX2:
		reduceSquaresAVX2(r)
	default:
		r.goLoop(reduceSquares)
	}
}

//go:noinline
func (w *Window) run(s Sliding, isa ISA) {
	switch isa {
	case AVX512:
		w.slideAVX512(s)
	case AVX2:
		for w.Half = 0; w.Half < 64; w.Half += 32 {
			w.slideAVX2(s)
		}
	default:
		w.goLoop(s)
	}
}

func (w *Window) slideAVX512(s Sliding) {
	switch s {
	case SlideDepthwise:
		windowDepthwiseAVX512(w)
	case SlideMax:
		windowMaxAVX512(w)
	default:
		windowSumAVX512(w)
	}
}

//go:noinline
func (w *Window) slideAVX2(s Sliding) {
	switch s {
	case SlideDepthwise:
		windowDepthwiseAVX2(w)
	case SlideMax:
		windowMaxAVX2(w)
	default:
		windowSumAVX2(w)
	}
}

// runSquare runs the loop of a window of k x k at stride s.
//
//go:noinline
func (w *Window) runSquare(k, s int, isa ISA) {
	if isa == AVX512 {
		w.square512(10*k + s)
		return
	}
	for w.Half = 0; w.Half < 64; w.Half += 32 {
		w.square2(10*k + s)
	}
}

func (w *Window) square512(which int) {
	switch which {
	case 31:
		depthwise3s1AVX512(w)
	case 32:
		depthwise3s2AVX512(w)
	case 51:
		depthwise5s1AVX512(w)
	case 52:
		depthwise5s2AVX512(w)
	}
}

//go:noinline
func (w *Window) square2(which int) {
	switch which {
	case 31:
		depthwise3s1AVX2(w)
	case 32:
		depthwise3s2AVX2(w)
	case 51:
		depthwise5s1AVX2(w)
	case 52:
		depthwise5s2AVX2(w)
	}
}
