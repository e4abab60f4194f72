/**
 * The red-black tree of the run queues and timer queues: intrusive, with a cached leftmost node, as include/linux/rbtree.h offers it.
 *
 * Keys are compared by their signed difference, so that a vruntime may wrap; equal keys go to the right, which makes the order among
 * equals first-in, first-out. Balancing follows Cormen et al., chapter 13, without a sentinel.
 *
 * An augmented tree (include/linux/rbtree_augmented.h) also knows the least `value` below each node, by signed difference, too.
 */

/** The link that a record embeds by extending it. */
@unmanaged
export class RbNode {
  key: u64;
  left: RbNode;
  right: RbNode;
  parent: RbNode;
  red: bool;
}

/** A node of an augmented tree. */
@unmanaged
export class AugmentedNode extends RbNode {
  value: u64;
  /** The least value of this node and of all below it. */
  minValue: u64;
}

@unmanaged
export class RbTree {
  root: RbNode;
  leftmost: RbNode;
  /** Its nodes are AugmentedNodes whose minima are kept. */
  augmented: bool;

  /** Adds a node that is in no tree. */
  insert(node: RbNode): void {
    let parent = changetype<RbNode>(0);
    let child = this.root;
    const key = node.key;
    let isLeftmost = true;
    let isLeft = true;
    while (child != null) {
      parent = child;
      isLeft = <i64>(key - child.key) < 0;
      if (isLeft) {
        child = child.left;
      } else {
        child = child.right;
        isLeftmost = false;
      }
    }
    node.left = changetype<RbNode>(0);
    node.right = changetype<RbNode>(0);
    node.parent = parent;
    node.red = true;
    if (isLeftmost) this.leftmost = node;
    if (this.augmented) lowerMinima(changetype<AugmentedNode>(node));
    if (parent == null) {
      this.root = node;
      node.red = false;
      return;
    }
    if (isLeft) parent.left = node;
    else parent.right = node;
    if (parent.red) this.balanceInsert(node);
  }

  /** Takes a node of this tree out. */
  erase(node: RbNode): void {
    if (node == this.leftmost) this.leftmost = successor(node);
    let child: RbNode;
    let parent: RbNode;
    let wasRed: bool;
    if (node.left == null || node.right == null) {
      child = node.left == null ? node.right : node.left;
      parent = node.parent;
      wasRed = node.red;
      this.replace(node, child, parent);
    } else {
      // The successor, which has no left child, takes the node's place and colour.
      let heir = node.right;
      while (heir.left != null) heir = heir.left;
      child = heir.right;
      wasRed = heir.red;
      parent = heir;
      if (heir.parent != node) {
        parent = heir.parent;
        this.replace(heir, child, parent);
        heir.right = node.right;
        heir.right.parent = heir;
      }
      this.replace(node, heir, node.parent);
      heir.left = node.left;
      heir.left.parent = heir;
      heir.red = node.red;
    }
    if (this.augmented) updateMinima(changetype<AugmentedNode>(parent));
    if (!wasRed) {
      if (child != null && child.red) child.red = false;
      else if (parent != null) this.balanceErase(child, parent);
    }
  }

  /** Puts `heir` (or nothing) where `node` hangs below `parent`. */
  private replace(node: RbNode, heir: RbNode, parent: RbNode): void {
    if (parent == null) this.root = heir;
    else if (parent.left == node) parent.left = heir;
    else parent.right = heir;
    if (heir != null) heir.parent = parent;
  }

  private rotateLeft(node: RbNode): void {
    const up = node.right;
    const inner = up.left;
    node.right = inner;
    if (inner != null) inner.parent = node;
    this.replace(node, up, node.parent);
    up.left = node;
    node.parent = up;
    if (this.augmented) rotated(changetype<AugmentedNode>(node), changetype<AugmentedNode>(up));
  }

  private rotateRight(node: RbNode): void {
    const up = node.left;
    const inner = up.right;
    node.left = inner;
    if (inner != null) inner.parent = node;
    this.replace(node, up, node.parent);
    up.right = node;
    node.parent = up;
    if (this.augmented) rotated(changetype<AugmentedNode>(node), changetype<AugmentedNode>(up));
  }

  /** Restores "no red node has a red parent" above a fresh red node. */
  private balanceInsert(fresh: RbNode): void {
    let node = fresh;
    let parent = node.parent;
    while (parent != null && parent.red) {
      const grand = parent.parent;
      const parentIsLeft = parent == grand.left;
      const uncle = parentIsLeft ? grand.right : grand.left;
      if (uncle != null && uncle.red) {
        parent.red = false;
        uncle.red = false;
        grand.red = true;
        node = grand;
        parent = node.parent;
        continue;
      }
      if (parentIsLeft) {
        if (node == parent.right) {
          this.rotateLeft(parent);
          parent = node;
        }
        parent.red = false;
        grand.red = true;
        this.rotateRight(grand);
      } else {
        if (node == parent.left) {
          this.rotateRight(parent);
          parent = node;
        }
        parent.red = false;
        grand.red = true;
        this.rotateLeft(grand);
      }
      break;
    }
    this.root.red = false;
  }

  /** Restores equal black heights where the subtree `short` below `above` lacks one black node. */
  private balanceErase(short: RbNode, above: RbNode): void {
    let node = short;
    let parent = above;
    while (parent != null && (node == null || !node.red)) {
      const nodeIsLeft = node == parent.left;
      let sibling = nodeIsLeft ? parent.right : parent.left;
      if (sibling.red) {
        sibling.red = false;
        parent.red = true;
        if (nodeIsLeft) {
          this.rotateLeft(parent);
          sibling = parent.right;
        } else {
          this.rotateRight(parent);
          sibling = parent.left;
        }
      }
      const near = nodeIsLeft ? sibling.left : sibling.right;
      const far = nodeIsLeft ? sibling.right : sibling.left;
      const nearRed = near != null && near.red;
      const farRed = far != null && far.red;
      if (!nearRed && !farRed) {
        sibling.red = true;
        node = parent;
        parent = node.parent;
        continue;
      }
      if (nodeIsLeft) {
        if (!farRed) {
          near.red = false;
          sibling.red = true;
          this.rotateRight(sibling);
          sibling = parent.right;
        }
        sibling.red = parent.red;
        parent.red = false;
        sibling.right.red = false;
        this.rotateLeft(parent);
      } else {
        if (!farRed) {
          near.red = false;
          sibling.red = true;
          this.rotateLeft(sibling);
          sibling = parent.left;
        }
        sibling.red = parent.red;
        parent.red = false;
        sibling.left.red = false;
        this.rotateRight(parent);
      }
      return;
    }
    if (node != null) node.red = false;
  }
}

/** The next node in key order, or null. */
export function successor(node: RbNode): RbNode {
  let next = node.right;
  if (next != null) {
    while (next.left != null) next = next.left;
    return next;
  }
  let child = node;
  next = node.parent;
  while (next != null && child == next.right) {
    child = next;
    next = next.parent;
  }
  return next;
}

/** A new leaf: its value is the least below itself, and perhaps below its ancestors. */
function lowerMinima(leaf: AugmentedNode): void {
  const value = leaf.value;
  leaf.minValue = value;
  let node = changetype<AugmentedNode>(leaf.parent);
  while (node != null && <i64>(value - node.minValue) < 0) {
    node.minValue = value;
    node = changetype<AugmentedNode>(node.parent);
  }
}

/** What lies below has changed, all the way up. */
function updateMinima(from: AugmentedNode): void {
  for (let node = from; node != null; node = changetype<AugmentedNode>(node.parent)) node.minValue = leastOf(node);
}

/** `up` has taken the place of `node`, which hangs below it now. */
function rotated(node: AugmentedNode, up: AugmentedNode): void {
  up.minValue = node.minValue;
  node.minValue = leastOf(node);
}

function leastOf(node: AugmentedNode): u64 {
  let least = node.value;
  const left = changetype<AugmentedNode>(node.left);
  const right = changetype<AugmentedNode>(node.right);
  if (left != null && <i64>(left.minValue - least) < 0) least = left.minValue;
  if (right != null && <i64>(right.minValue - least) < 0) least = right.minValue;
  return least;
}
