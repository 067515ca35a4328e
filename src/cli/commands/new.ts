export declare const runNew: any;
