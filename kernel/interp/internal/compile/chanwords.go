package compile

import "golang.org/x/tools/go/ssa"

// Channels of words and strings are used as channels of Go's own types of the
// same layout: what is sent is only moved.

// sendWord compiles a send, or returns nil if the elements are of another kind.
func (c *compiler) sendWord(x *ssa.Send, elem *layout) op {
	if elem.iface {
		return nil
	}
	ch, v := c.reg(x.Chan), c.reg(x.X)
	switch elem.how {
	case copy1:
		return sends[uint8](ch, v)
	case copy4:
		return sends[uint32](ch, v)
	case copy8:
		return sends[uint64](ch, v)
	case copyPointer:
		return sends[*byte](ch, v)
	case copyString:
		return sends[string](ch, v)
	case copyInterface:
		return sends[any](ch, v)
	}
	return nil
}

func sends[T any](ch, v reg) op {
	return func(fr *frame) {
		to, x := *at[chan T](fr, ch), *at[T](fr, v)
		select {
		case to <- x:
			return
		default:
		}
		select {
		case to <- x:
		case <-fr.g.run.Ctx.Done():
			fr.halted()
		}
	}
}

// receiveWord compiles a receive of a value and, unless has is 0, of whether
// there was one; it returns nil if the elements are of another kind.
func receiveWord(ch, d, has reg, elem *layout) op {
	if elem.iface {
		return nil
	}
	switch elem.how {
	case copy1:
		return receives[uint8](ch, d, has)
	case copy4:
		return receives[uint32](ch, d, has)
	case copy8:
		return receives[uint64](ch, d, has)
	case copyPointer:
		return receives[*byte](ch, d, has)
	case copyString:
		return receives[string](ch, d, has)
	case copyInterface:
		return receives[any](ch, d, has)
	}
	return nil
}

func receives[T any](ch, d, has reg) op {
	return func(fr *frame) {
		from := *at[chan T](fr, ch)
		var x T
		var ok bool
		select {
		case x, ok = <-from:
		default:
			select {
			case x, ok = <-from:
			case <-fr.g.run.Ctx.Done():
				fr.halted()
			}
		}
		*at[T](fr, d) = x
		if has != 0 {
			*at[bool](fr, has) = ok
		}
	}
}
