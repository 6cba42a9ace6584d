package rt

import (
	"reflect"
	"slices"
	"unsafe"
)

// Interface is an interface type in the making. It has its layout at once, and
// its methods after SetMethods.
type Interface struct {
	T reflect.Type
	t *interfaceType
}

// NewInterface makes an interface type; without a pkgName, one that is not named
// and shown as name. hasMethods says that it will have methods, on which the
// comparison of its values depends.
func NewInterface(pkgPath, pkgName, name string, hasMethods bool) *Interface {
	p, u, _, _ := allocType(descriptorSize(reflect.Interface), 0, 0)
	t := (*interfaceType)(p)
	t.rtype = *ptrOf(reflect.TypeFor[any]())
	if hasMethods {
		t.rtype = *ptrOf(reflect.TypeFor[error]())
	}
	u.PkgPath = nameOff(pkgPath, "")
	t.PkgPath = newName(pkgPath, "", "", false)
	t.TFlag = t.TFlag&^tflagNamed | tflagUncommon | tflagExtraStar
	full := name
	if pkgName != "" {
		t.TFlag |= tflagNamed
		full = pkgName + "." + name
	}
	t.Str = addReflectOff(unsafe.Pointer(newName("*"+full, "", "", false)))
	t.Hash, t.PtrToThis = nextHash(), 0
	return &Interface{Reflect(Type(p)), t}
}

// InterfaceMethod is a method of an interface. PkgPath is that of its package if
// it is not exported.
type InterfaceMethod struct {
	Name, PkgPath string
	Type          reflect.Type // without receiver
}

// SetMethods completes the type.
func (i *Interface) SetMethods(ms []InterfaceMethod) {
	slices.SortFunc(ms, func(a, b InterfaceMethod) int {
		return methodKey{a.Name, a.PkgPath}.compare(methodKey{b.Name, b.PkgPath})
	})
	list := i.t.Methods[:0:0]
	for _, m := range ms {
		list = append(list, imethod{nameOff(m.Name, m.PkgPath), addReflectOff(unsafe.Pointer(ptrOf(m.Type)))})
	}
	keep(list)
	i.t.Methods = list
}
