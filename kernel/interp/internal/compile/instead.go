package compile

import "reflect"

// callOther calls what stands for a compiled method, with the receiver that an
// interface holds.
func (m *Machine) callOther(fr *frame, fn reflect.Value, recv any, s *site, variadic bool) {
	t := fn.Type()
	args := make([]reflect.Value, len(s.args)+1)
	args[0] = reflect.ValueOf(recv)
	for i, r := range s.args {
		args[i+1] = m.toReflect(s.in[i], fr.at(r), t.In(i+1))
	}
	var res []reflect.Value
	if variadic {
		res = fn.CallSlice(args)
	} else {
		res = fn.Call(args)
	}
	fr.checkStop()
	for i, d := range s.dst {
		m.fromReflect(s.out[i], fr.at(d), res[i])
	}
}
