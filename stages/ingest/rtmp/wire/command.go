package wire

import (
	"errors"

	"github.com/bluenviron/gortmplib/pkg/amf0"
)

// Object is an object of AMF0, for arguments of commands.
type Object = amf0.Object

// Entry is a property of an Object.
type Entry = amf0.ObjectEntry

// Strings returns a list of texts as an argument of a command.
func Strings(of ...string) any {
	out := amf0.StrictArray{}
	for _, s := range of {
		out = append(out, s)
	}
	return out
}

// Command is a command of the peer (7.2): a call, or the answer to one.
type Command struct {
	Name      string
	Number    float64 // of the call; 0: no answer is wanted
	Arguments []any   // from the command object on
}

// ErrCommand is the error of a command that cannot be read.
var ErrCommand = errors.New("a command that cannot be read")

// The bounds of the values that are read: deeply nested ones take much more memory than their bytes. A command may come from
// a stranger. Data is read only from a peer that may publish, or that is pulled from.
const (
	maxCommandBytes = 8 << 10
	maxDataBytes    = SmallMessageBytes
)

// Command returns the command in a message. ok is false for a message of another type.
func (m *Message) Command() (c Command, ok bool, err error) {
	if m.Type != TypeCommand && m.Type != TypeCommandAMF3 {
		return c, false, nil
	}
	values := m.values(m.Type == TypeCommandAMF3, maxCommandBytes)
	if len(values) < 2 {
		return c, true, ErrCommand
	}
	name, named := values[0].(string)
	number, numbered := values[1].(float64)
	if !named || !numbered {
		return c, true, ErrCommand
	}
	return Command{Name: name, Number: number, Arguments: values[2:]}, true, nil
}

// Metadata returns the properties that describe the tracks of a stream: those of a data message onMetaData, with or
// without @setDataFrame before it. It returns nil for any other message, and for one that cannot be read.
func (m *Message) Metadata() Properties {
	if m.Type != TypeData && m.Type != TypeDataAMF3 {
		return nil
	}
	values := m.values(m.Type == TypeDataAMF3, maxDataBytes)
	if len(values) > 0 && values[0] == "@setDataFrame" {
		values = values[1:]
	}
	if len(values) < 2 || values[0] != "onMetaData" {
		return nil
	}
	return propertiesOf(values[1])
}

// values reads the AMF0 values of a message. It returns those before the first that cannot be read. The first byte of a
// message of AMF3 says that values of AMF0 follow. Nothing is read from more than maxBytes.
func (m *Message) values(amf3 bool, maxBytes int) []any {
	b := m.Body
	if amf3 && len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	if len(b) > maxBytes {
		return nil
	}
	values, err := amf0.Unmarshal(b)
	if err != nil {
		return nil
	}
	return values
}

// Text returns the argument i if it is a text, or "".
func (c *Command) Text(i int) string {
	if i >= len(c.Arguments) {
		return ""
	}
	text, _ := c.Arguments[i].(string)
	return text
}

// Properties returns the properties of argument i if it is an object, or nil.
func (c *Command) Properties(i int) Properties {
	if i >= len(c.Arguments) {
		return nil
	}
	return propertiesOf(c.Arguments[i])
}

// Properties are the properties of an object. Its methods accept nil.
type Properties []Entry

func propertiesOf(value any) Properties {
	switch o := value.(type) {
	case amf0.Object:
		return Properties(o)
	case amf0.ECMAArray:
		return Properties(o)
	}
	return nil
}

// Get returns the value of a property, or nil.
func (p Properties) Get(key string) any {
	for _, e := range p {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Text returns the value of a property that is a text, or "".
func (p Properties) Text(key string) string {
	text, _ := p.Get(key).(string)
	return text
}
