package routeros

import (
	"errors"
)

// frame is a block that runs.
type frame struct {
	router *Router
	outer  *frame
	vars   map[string]*cell
	may    []string // policies
	steps  *int     // that were made so far
}

// cell is a variable.
type cell struct{ v value }

// patience is how many commands a script may run.
const patience = 100_000

func (f *frame) find(name string) *cell {
	for ; f != nil; f = f.outer {
		if c := f.vars[name]; c != nil {
			return c
		}
	}
	return new(cell) // declared in a branch that did not run
}

func (s script) run(f *frame) error {
	for _, c := range s {
		if _, err := c.exec(f); err != nil {
			return err
		}
	}
	return nil
}

// exec runs the command. An error says where it arose.
func (c command) exec(f *frame) (value, error) {
	if *f.steps++; *f.steps > patience {
		return nil, faultAt(c.text, c.at, "the script does not end")
	}
	v, err := c.perform(f)
	if fault := (*Fault)(nil); err != nil && !errors.As(err, &fault) {
		err = faultAt(c.text, c.at, err.Error())
	}
	return v, err
}

func (c command) perform(f *frame) (value, error) {
	switch {
	case c.name == "{}":
		return nil, f.block(c.args[0], nil)
	case c.name == "/tool fetch":
		return f.fetch(&c)
	case c.name == "/tool dns-update":
		return f.dnsUpdate(&c)
	case c.menu != "":
		return f.menuCommand(&c)
	default:
		return c.run(f, &c)
	}
}

// block runs a block, with variables of its own.
func (f *frame) block(b expr, vars map[string]value) error {
	inner := &frame{router: f.router, outer: f, vars: map[string]*cell{}, may: f.may, steps: f.steps}
	for name, v := range vars {
		inner.vars[name] = &cell{v}
	}
	return b.(block).code.run(inner)
}

// assigned evaluates the value of :local, :global or :set; given tells whether
// there is one.
func (f *frame) assigned(c *command) (v value, given bool, err error) {
	if len(c.args) == 0 {
		return nil, false, nil
	}
	v, err = c.args[0].eval(f)
	return v, true, err
}

func (f *frame) local(c *command) (value, error) {
	v, _, err := f.assigned(c)
	f.vars[c.vars[0]] = &cell{v}
	return nil, err
}

// global makes a variable of all scripts known here; without a value it keeps
// the one that it has (Scripting, "Global scope").
func (f *frame) global(c *command) (value, error) {
	v, given, err := f.assigned(c)
	if err != nil {
		return nil, err
	}
	name := c.vars[0]
	all := f.router.globals
	if all[name] == nil {
		all[name] = new(cell)
	}
	f.vars[name] = all[name]
	if given {
		all[name].v = v
	}
	return nil, nil
}

func (f *frame) set(c *command) (value, error) {
	v, _, err := f.assigned(c)
	if err == nil {
		f.find(c.vars[0]).v = v
	}
	return nil, err
}

func (f *frame) ifThen(c *command) (value, error) {
	yes, err := truth(f, c.args[0])
	switch {
	case err != nil:
		return nil, err
	case yes:
		return nil, f.block(c.named["do"], nil)
	case c.named["else"] != nil:
		return nil, f.block(c.named["else"], nil)
	}
	return nil, nil
}

// do runs a block; its on-error block when that fails; and again while a condition
// holds.
func (f *frame) do(c *command) (value, error) {
	for {
		err := f.block(c.args[0], nil)
		if err != nil && c.named["on-error"] != nil && *f.steps <= patience {
			err = f.block(c.named["on-error"], nil)
		}
		if err != nil || c.named["while"] == nil {
			return nil, err
		}
		if again, err := truth(f, c.named["while"]); err != nil || !again {
			return nil, err
		}
	}
}

func (f *frame) while(c *command) (value, error) {
	for {
		if again, err := truth(f, c.args[0]); err != nil || !again {
			return nil, err
		}
		if err := f.block(c.named["do"], nil); err != nil {
			return nil, err
		}
		*f.steps++
	}
}

// onerror tells its do block what went wrong.
func (f *frame) onerror(c *command) (value, error) {
	err := f.block(c.named["in"], nil)
	if err == nil || *f.steps > patience {
		return false, err
	}
	fault := (*Fault)(nil)
	errors.As(err, &fault)
	return true, f.block(c.named["do"], map[string]value{c.vars[0]: fault.Text})
}

func (f *frame) foreach(c *command) (value, error) {
	in, err := c.named["in"].eval(f)
	if err != nil {
		return nil, err
	}
	items, ok := in.(list)
	if !ok || len(c.vars) != 1 {
		return nil, errors.New("only arrays without keys are gone through here")
	}
	for _, item := range items {
		if err := f.block(c.named["do"], map[string]value{c.vars[0]: item}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// forTo counts. To count downwards it wants a step: what it does without one has
// changed in 6.43.
func (f *frame) forTo(c *command) (value, error) {
	from, err := f.number(c, "from")
	if err != nil {
		return nil, err
	}
	to, err := f.number(c, "to")
	if err != nil {
		return nil, err
	}
	step := int64(1)
	if c.named["step"] != nil {
		if step, err = f.number(c, "step"); err != nil {
			return nil, err
		}
	} else if from > to {
		return nil, errors.New("counting downwards wants step=")
	}
	if step == 0 {
		return nil, errors.New("step= is zero")
	}
	for i := from; step > 0 && i <= to || step < 0 && i >= to; i += step {
		if *f.steps++; *f.steps > patience {
			return nil, errors.New("the script does not end")
		}
		if err := f.block(c.named["do"], map[string]value{c.vars[0]: i}); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (f *frame) number(c *command, name string) (int64, error) {
	v, err := c.named[name].eval(f)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int64)
	if !ok {
		return 0, errors.New(name + "= is not a number")
	}
	return n, nil
}
