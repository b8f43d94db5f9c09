package body_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gospool/spool/api/body"
	"github.com/stretchr/testify/require"
)

type request struct {
	Protected *bool                      `json:"protected"`
	Name      string                     `json:"name,omitempty"`
	Count     int                        `json:"count"`
	Data      map[string]json.RawMessage `json:"data"`
	List      []string                   `json:"list"`
	Part      struct {
		Size float64 `json:"size"`
	} `json:"part"`
	Secret string `json:"-"`
}

// An error names the field, what the body has there and what it may have, in the words of JSON.
func TestAnErrorNamesTheField(t *testing.T) {
	for text, want := range map[string]string{
		`{"protected":"yes"}`:     `the body's field "protected" must be true or false, not a string`,
		`{"protected":1}`:         `the body's field "protected" must be true or false, not a number`,
		`{"name":true}`:           `the body's field "name" must be a string, not true or false`,
		`{"name":[1]}`:            `the body's field "name" must be a string, not an array`,
		`{"data":"x"}`:            `the body's field "data" must be an object, not a string`,
		`{"list":{}}`:             `the body's field "list" must be an array, not an object`,
		`{"list":[3]}`:            `the body's field "list" must be a string, not a number`,
		`{"count":1.5}`:           `the body's field "count" must be a whole number, not the number 1.5`,
		`{"part":{"size":"big"}}`: `the body's field "part.size" must be a number, not a string`,
		`[]`:                      `the body must be a JSON object, not an array`,
		`"x"`:                     `the body must be a JSON object, not a string`,
		`{"protectd":true}`:       `the body has an unknown field "protectd", did you mean "protected"?`,
		`{"nothing":true}`:        `the body has an unknown field "nothing"; it may have count, data, list, name, part, protected`,
		`{"Secret":"x"}`:          `the body has an unknown field "Secret"; it may have count, data, list, name, part, protected`,
		`{"part":{"sise":1}}`:     `the body has an unknown field "sise", did you mean "size"?`,
		`{"name":"a"} {}`:         `the body must be a single JSON object, and more follows it`,
		`{"name":"a"} x`:          `the body must be a single JSON object, and more follows it`,
		`{protected:true}`:        `the body is not JSON: invalid character 'p' looking for beginning of object key string, at byte 2`,
		`protected=true`:          `the body is not JSON: invalid character 'p' looking for beginning of value, at byte 1`,
		``:                        `the body is empty: it must be a JSON object`,
		"\n":                      `the body is empty: it must be a JSON object`,
		`{"name":"a`:              `the body ends before its JSON object does`,
		`{"name":"a","count":1`:   `the body ends before its JSON object does`,
	} {
		var into request
		err := body.Read(strings.NewReader(text), &into)
		require.EqualError(t, err, want, text)
		var wrong *body.Error
		require.ErrorAs(t, err, &wrong, text)
	}
	var into request
	require.NoError(t, body.Read(strings.NewReader(`{"protected":true,"data":{"a":1}} `+"\n"), &into))
	require.True(t, *into.Protected)
	require.NoError(t, body.Read(strings.NewReader(`{"protected":null}`), &into))
}

// An error of the connection is no fault of the body.
func TestReadReturnsTheReadersError(t *testing.T) {
	cut := errors.New("the connection is cut")
	for _, sent := range []string{"", `{"name":`, `{"name":"a"}`} {
		var into request
		err := body.Read(io.MultiReader(strings.NewReader(sent), iotest.ErrReader(cut)), &into)
		require.Equal(t, cut, err, sent)
	}
}
