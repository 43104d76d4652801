// In place of elkjs, which is larger than all the rest of the diagrams and under a licence of its own: diagrams that ask for its layout
// say so.

export default class {
  constructor() {
    throw new Error("The layout elk is not here. Leave out `layout: elk`.");
  }
}
