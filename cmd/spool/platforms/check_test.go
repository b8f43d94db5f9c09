package platforms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// platform names an operating system and a processor as GOOS and GOARCH do, and a build tag or "".
type platform struct{ system, processor, tag string }

func (p platform) String() string {
	return strings.TrimSuffix(p.system+"/"+p.processor+"+"+p.tag, "+")
}

// The tests of this repository are for Linux: they mount file systems and limit processes.
func (p platform) hasTests() bool { return p.system == "linux" }

// listed is a package in the form of go list.
type listed struct {
	ImportPath, Dir                 string
	GoFiles, SFiles, IgnoredGoFiles []string
	ImportMap                       map[string]string
	DepOnly                         bool
	Module                          *struct{ GoVersion string }
	Error                           *struct{ Err string }
}

// forOtherPlatforms reports whether a package has no file for this platform. It may not be imported.
func (l listed) forOtherPlatforms() bool { return len(l.GoFiles) == 0 && len(l.IgnoredGoFiles) > 0 }

// typeCheck returns every error of the packages of a module on a platform, without cgo; also of their
// tests, if the platform has tests. It checks dependencies without the bodies of their functions.
func (p platform) typeCheck(dir string) (found []error, err error) {
	all, err := p.list(dir)
	if err != nil {
		return nil, err
	}
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	for _, l := range all {
		switch {
		case l.ImportPath == "unsafe", l.forOtherPlatforms():
		case strings.HasSuffix(l.ImportPath, ".test"): // the main function of tests, which go test writes
		case l.Error != nil:
			found = append(found, fmt.Errorf("%s: %s", l.ImportPath, l.Error.Err))
		default:
			pkg, errs := p.checkPackage(l, checked)
			checked[l.ImportPath] = pkg
			found = append(found, errs...)
		}
	}
	return found, nil
}

// list returns the packages of a module and all that they import, each package after its imports.
// A package with tests is listed once more with the files of its tests.
func (p platform) list(dir string) (all []listed, err error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-test="+strconv.FormatBool(p.hasTests()), "-tags", p.tag,
		"-json=ImportPath,Dir,GoFiles,SFiles,IgnoredGoFiles,ImportMap,DepOnly,Module,Error", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+p.system, "GOARCH="+p.processor, "GOARM=7", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w: %s", p, err, &stderr)
	}
	for d := json.NewDecoder(bytes.NewReader(text)); ; {
		var l listed
		if err := d.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

func (p platform) checkPackage(l listed, imported map[string]*types.Package) (*types.Package, []error) {
	var errs []error
	fset := token.NewFileSet()
	files := make([]*ast.File, 0, len(l.GoFiles))
	for _, name := range l.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(l.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, []error{err}
		}
		files = append(files, f)
		if !l.DepOnly && len(l.SFiles) == 0 { // else assembly has the bodies
			errs = append(errs, withoutBody(fset, f)...)
		}
	}
	config := types.Config{
		Importer:         imports{l.ImportMap, imported},
		Sizes:            types.SizesFor("gc", p.processor),
		IgnoreFuncBodies: l.DepOnly,
		Error:            func(err error) { errs = append(errs, err) },
	}
	if l.Module != nil && l.Module.GoVersion != "" {
		config.GoVersion = "go" + l.Module.GoVersion
	}
	pkg, _ := config.Check(strings.Fields(l.ImportPath)[0], fset, files, nil)
	return pkg, errs
}

// withoutBody returns an error for each function without a body. The type-checker accepts it.
func withoutBody(fset *token.FileSet, f *ast.File) (errs []error) {
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body == nil {
			errs = append(errs, fmt.Errorf("%s: function %s has no body", fset.Position(d.Pos()), d.Name.Name))
		}
	}
	return errs
}

// imports finds the packages that a package imports: paths maps the vendored packages of the standard
// library, and the variants with tests.
type imports struct {
	paths   map[string]string
	checked map[string]*types.Package
}

func (i imports) Import(path string) (*types.Package, error) {
	if to, ok := i.paths[path]; ok {
		path = to
	}
	if pkg := i.checked[path]; pkg != nil {
		return pkg, nil
	}
	return nil, fmt.Errorf("package %s has no file for this platform, or has errors", path)
}
