package config

import (
	"reflect"
	"strings"
)

// Inherited is a setting that has the value of another one where it is not written:
// a field with the tag `inherit:"mp4.fragment_duration"` names the other one by its
// keys from the root of the configuration.
type Inherited struct {
	Key     string // of the setting, in its own struct
	From    string // path of the other one: mp4/fragment_duration
	Default *Node  // what the setting is without the other one; nil where it is zero
}

// Inherits lists the settings of a struct that inherit, in its own order.
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
