/** The part of functional-red-black-tree that the benchmark uses. */
declare module 'functional-red-black-tree' {
  interface Iterator<K, V> {
    readonly key: K | undefined;
    readonly value: V | undefined;
    remove(): Tree<K, V>;
  }
  interface Tree<K, V> {
    insert(key: K, value: V): Tree<K, V>;
    readonly begin: Iterator<K, V>;
  }
  export default function createTree<K, V>(): Tree<K, V>;
}
