package config

import (
	"reflect"
	"strings"
)

// Inherited is a setting whose default is the value of another setting: a field with the tag
// `inherit:"mp4.fragment_duration"` names the other setting by its keys from the root of the
// configuration.
type Inherited struct {
	Key     string // key of the setting in its struct
	From    string // path of the other setting: mp4/fragment_duration
	Default *Node  // default without the other setting; nil for zero
}

// Inherits returns the settings of a struct that inherit, in the order of its fields.
func Inherits(v any) (all []Inherited) {
	value := reflect.ValueOf(v)
	for _, f := range fieldsOf(value.Type()) {
		from := f.tag.Get("inherit")
		if from == "" {
			continue
		}
		i := Inherited{Key: f.name, From: strings.ReplaceAll(from, ".", "/")}
		if own := f.in(value); !own.IsZero() {
			i.Default, _ = Describe(own.Interface())
		}
		all = append(all, i)
	}
	return all
}
