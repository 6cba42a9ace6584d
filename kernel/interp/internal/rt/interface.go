package rt

import (
	"reflect"
	"slices"
	"strings"
	"unsafe"
)

// Interface is an interface type in the making. It has its layout at once, and
// its methods after SetMethods.
type Interface struct {
	T reflect.Type
	t *interfaceType
}

// NewInterface makes an interface type with methods; without a pkgName, one that
// is not named and shown as name.
func NewInterface(pkgPath, pkgName, name string) *Interface {
	p, u, _, _ := allocType(descriptorSize(reflect.Interface), 0, 0)
	t := (*interfaceType)(p)
	t.rtype = *ptrOf(reflect.TypeFor[error]())
	path := newName(pkgPath, "", false, false)
	u.PkgPath = addReflectOff(unsafe.Pointer(path))
	t.PkgPath = path
	t.TFlag = t.TFlag&^tflagNamed | tflagUncommon | tflagExtraStar
	full := name
	if pkgName != "" {
		t.TFlag |= tflagNamed
		full = pkgName + "." + name
	}
	t.Str = addReflectOff(unsafe.Pointer(newName("*"+full, "", exported(name), false)))
	t.Hash, t.PtrToThis = nextHash(), 0
	return &Interface{Reflect(Type(p)), t}
}

// InterfaceMethod is a method of an interface, which must be exported.
type InterfaceMethod struct {
	Name string
	Type reflect.Type // without receiver
}

// SetMethods completes the type.
func (i *Interface) SetMethods(ms []InterfaceMethod) {
	slices.SortFunc(ms, func(a, b InterfaceMethod) int { return strings.Compare(a.Name, b.Name) })
	list := i.t.Methods[:0:0]
	for _, m := range ms {
		list = append(list, imethod{
			addReflectOff(unsafe.Pointer(newName(m.Name, "", true, false))),
			addReflectOff(unsafe.Pointer(ptrOf(m.Type))),
		})
	}
	keep(list)
	i.t.Methods = list
}
