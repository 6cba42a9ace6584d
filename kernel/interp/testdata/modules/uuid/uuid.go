// Package uuid makes and reads identifiers.
package uuid

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Main prints what the package says.
func Main() {
	u := uuid.MustParse("f47ac10b-58cc-0372-8567-0e02b2c3d479")
	fmt.Println(u, u.Version(), u.Variant(), u.URN(), u.ID(), u.ClockSequence())
	fmt.Println(uuid.NewSHA1(uuid.NameSpaceDNS, []byte("go.dev")), uuid.NewMD5(uuid.NameSpaceURL, []byte("x")))
	_, err := uuid.Parse("not one")
	fmt.Println(err, uuid.IsInvalidLengthError(err))
	_, err = uuid.Parse("g47ac10b-58cc-0372-8567-0e02b2c3d479")
	fmt.Println(err)
	b, err := json.Marshal(map[string]any{"id": u, "none": uuid.NullUUID{}})
	fmt.Println(string(b), err)
	var back struct{ ID uuid.UUID }
	fmt.Println(json.Unmarshal(b, &back), back.ID == u)
	r, err := uuid.NewRandomFromReader(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	fmt.Println(r, err)
	a, c := uuid.New(), uuid.New()
	fmt.Println(a != c, a.Version(), len(a.String()), a.Variant())
	v7, err := uuid.NewV7()
	fmt.Println(v7.Version(), err)
	v1, err := uuid.NewUUID()
	sec, _ := v1.Time().UnixTime()
	fmt.Println(v1.Version(), err, sec > 1_600_000_000)
	m := map[uuid.UUID]string{u: "u"}
	fmt.Println(m[uuid.MustParse("{F47AC10B-58CC-0372-8567-0E02B2C3D479}")])
	var s uuid.UUID
	fmt.Println(s.Scan("f47ac10b58cc037285670e02b2c3d479"), s, uuid.Nil == uuid.UUID{}, uuid.Max)
	text, _ := u.MarshalText()
	bin, _ := u.MarshalBinary()
	fmt.Println(string(text), len(bin))
}
