package openapi

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

type outer struct {
	Name  string  `json:"name" enum:"a,b"`
	Maybe *string `json:"maybe"`
	Left  int     `json:"left,omitempty" doc:"out where it is 0"`
	Inner []inner `json:"inner"`
	inner
	hidden int
}

type inner struct {
	Deep uint64 `json:"deep"`
}

func TestAStructIsDescribedOnceAsEncoded(t *testing.T) {
	s := Schemas{}
	require.Equal(t, Object{"$ref": "#/components/schemas/Outer"}, s.Of(reflect.TypeFor[outer]()))
	require.Equal(t, s.Of(reflect.TypeFor[*outer]()), s.Of(reflect.TypeFor[outer]()))
	got := s["Outer"].(Object)
	require.Equal(t, []string{"name", "maybe", "inner", "deep"}, got["required"])
	p := got["properties"].(Object)
	require.Equal(t, Object{"type": "string", "enum": []string{"a", "b"}}, p["name"])
	require.Equal(t, []any{"string", "null"}, p["maybe"].(Object)["type"])
	require.Equal(t, "out where it is 0", p["left"].(Object)["description"])
	require.Equal(t, Object{"$ref": "#/components/schemas/Inner"}, p["inner"].(Object)["items"])
	require.NotContains(t, p, "hidden")
	require.Panics(t, func() { s.Of(reflect.TypeFor[chan int]()) }, "a type that has no schema is found at the start")
}
