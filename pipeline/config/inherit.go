package config

import (
	"reflect"
	"strings"
)

// Inherited is a setting whose default is the value of another setting. The tag
// `inherit:"mp4.fragment_duration"` of a field declares it, with the keys of the other setting from the root of
// the configuration.
type Inherited struct {
	Key     string // key of the inheriting setting in its struct
	From    string // path of the other setting: mp4/fragment_duration
	Default *Node  // default if the other setting has no value; nil means the zero value
}

// Inherits returns the settings of a struct that have the tag inherit, in the order of its fields.
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
